//! The one place where errors of Rust become errors of JavaScript.

use napi::bindgen_prelude::{JsObjectValue, Object};
use napi::{Env, JsValue};

/// An error of ours on its way to JavaScript: a task's output, because only where a task resolves is
/// there an environment that can give a JavaScript error its code and facts.
pub type Outcome<T> = Result<T, Failure>;

/// What a JavaScript error of ours has: `message`, `code`, perhaps `hint`, and facts by name.
pub struct Failure {
    code: &'static str,
    message: String,
    hint: Option<&'static str>,
    facts: Vec<(&'static str, Fact)>,
}

/// Gives what `work` gives; of a panic a failure: a bug of ours must not take the process down.
pub fn guarded<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    dllama_engine::guarded(work)
}

/// The same for what the JavaScript thread does in an export of its own.
pub fn guarded_here<T>(env: &Env, work: impl FnOnce() -> Outcome<T>) -> napi::Result<T> {
    guarded(work).map_err(|failure| failure.into_js(env))
}

enum Fact {
    Flag,
    Number(f64),
    Text(String),
}

impl Failure {
    pub fn new(code: &'static str, message: String) -> Self {
        Self {
            code,
            message,
            hint: None,
            facts: Vec::new(),
        }
    }

    pub fn with_number(mut self, name: &'static str, value: usize) -> Self {
        self.facts.push((name, Fact::Number(value as f64)));
        self
    }

    fn with_flag(mut self, name: &'static str) -> Self {
        self.facts.push((name, Fact::Flag));
        self
    }

    fn with_text(mut self, name: &'static str, value: &str) -> Self {
        self.facts.push((name, Fact::Text(value.to_owned())));
        self
    }

    /// The engine or worker was disposed of before this call.
    pub fn disposed(what: &str) -> Self {
        Self::new("DISPOSED", format!("this {what} has been disposed of"))
    }

    /// Something else is still done with it.
    pub fn busy(what: &str) -> Self {
        let mut failure = Self::new(
            "INVALID_ARGUMENT",
            format!("expected a {what} that rests, got one that measures"),
        );
        failure.hint = Some("Wait for measureRates() first.");
        failure
    }

    pub fn into_js(self, env: &Env) -> napi::Error {
        match self.into_object(env) {
            Ok(object) => object.to_unknown().into(),
            Err(error) => error,
        }
    }

    /// An error object that is an answer, not thrown.
    pub fn into_object<'env>(self, env: &'env Env) -> napi::Result<Object<'env>> {
        let mut object = env.create_error(napi::Error::from_reason(self.message))?;
        object.set_named_property("code", self.code)?;
        if let Some(hint) = self.hint {
            object.set_named_property("hint", hint)?;
        }
        for (name, fact) in self.facts {
            match fact {
                Fact::Flag => object.set_named_property(name, true)?,
                Fact::Number(value) => object.set_named_property(name, value)?,
                Fact::Text(value) => object.set_named_property(name, value)?,
            }
        }
        Ok(object)
    }
}

impl From<dllama_engine::Error> for Failure {
    fn from(error: dllama_engine::Error) -> Self {
        let mut failure = Self::new(error.code(), error.to_string());
        failure.hint = error.hint();
        use dllama_net::Error as Net;
        let dllama_engine::Error::Net(net) = &error else {
            return failure;
        };
        if net.may_pass() {
            failure = failure.with_flag("mayPass");
        }
        match net {
            Net::PeerLost { rank, address, .. } => failure
                .with_number("rank", *rank)
                .with_text("address", address),
            Net::PeerFailed {
                rank,
                address,
                code,
                ..
            } => failure
                .with_number("rank", *rank)
                .with_text("address", address)
                .with_text("peerCode", code),
            Net::Unreachable { address, .. }
            | Net::Refused { address, .. }
            | Net::Busy { address, .. }
            | Net::WrongToken { address }
            | Net::WorkerIsSecure { address }
            | Net::WorkerIsInsecure { address }
            | Net::Protocol { address, .. } => failure.with_text("address", address),
            _ => failure,
        }
    }
}

impl From<dllama_engine::NotFinite> for Failure {
    fn from(row: dllama_engine::NotFinite) -> Self {
        let mut failure = Self::new(row.code(), row.to_string())
            .with_number("row", row.row)
            .with_number("sequence", row.sequence as usize)
            .with_number("position", row.position as usize)
            .with_text("op", row.op);
        if let Some(layer) = row.layer {
            failure = failure.with_number("layer", layer as usize);
        }
        failure.hint = Some(row.hint());
        failure
    }
}
