//! Where a panic becomes an error: a bug of ours costs a session, never the process that dllama is part of.
//!
//! What was half done when it panicked is not used again: whoever catches one ends the session on all ranks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Error;

/// Gives what `work` gives; of a panic [`Error::Panicked`].
///
/// # Errors
///
/// Those of `work`, and [`Error::Panicked`].
pub fn guarded<T, E: From<Error>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let what = text_of(&*payload);
        // A payload may panic again when it is dropped, which nobody would catch.
        std::mem::forget(payload);
        Err(Error::Panicked { what }.into())
    })
}

/// What a panic said, if it said it in text.
fn text_of(payload: &(dyn Any + Send)) -> String {
    let literal = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    let text = literal.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_says_what_it_said() {
        let number = 3;
        let texts: [(&dyn Fn(), &str); 3] = [
            (&|| panic!("a literal"), "a literal"),
            (&|| panic!("number {number}"), "number 3"),
            (&|| std::panic::panic_any(7), "a panic without a text"),
        ];
        for (work, expected) in texts {
            let result = guarded(|| {
                work();
                Ok(())
            });
            match result {
                Err(Error::Panicked { what }) => assert_eq!(what, expected),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn what_does_not_panic_goes_through() {
        assert!(matches!(guarded(|| Ok::<_, Error>(5)), Ok(5)));
        assert!(matches!(
            guarded(|| Err::<(), _>(Error::TooLarge)),
            Err(Error::TooLarge)
        ));
    }
}
