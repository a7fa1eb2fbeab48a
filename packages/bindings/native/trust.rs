//! Whom an engine or a worker trusts, from the options of JavaScript. A token goes no further than
//! here: what the engine gets is its key.

use dllama_net::{Key, MIN_TOKEN_BYTES, TokenTooShort, Trust};

use crate::failure::{Failure, Outcome};

/// The trust of a token, or of `insecure`; just one of the two says so.
pub fn trust(token: Option<&str>, insecure: Option<bool>) -> Outcome<Trust> {
    match (token, insecure.unwrap_or(false)) {
        (Some(token), false) => Key::of_token(token).map(Trust::Token).map_err(too_short),
        (None, true) => Ok(Trust::Insecure),
        (Some(_), true) => Err(Failure::new(
            "INVALID_ARGUMENT",
            "a token and insecure exclude each other".to_owned(),
        )),
        (None, false) => Err(Failure::new(
            "TOKEN_MISSING",
            "expected a token, or insecure: true".to_owned(),
        )),
    }
}

fn too_short(TokenTooShort { n_bytes }: TokenTooShort) -> Failure {
    Failure::new(
        "TOKEN_INVALID",
        format!("expected a token of at least {MIN_TOKEN_BYTES} bytes, got {n_bytes}"),
    )
}
