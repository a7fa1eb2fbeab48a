//! Where weights came from, on its way to JavaScript.

use dllama_engine::Tally;
use napi_derive::napi;

/// Bytes of a rank's weights by where they came from.
#[napi(object)]
pub struct WeightSources {
    pub sent_bytes: f64,
    pub cached_bytes: f64,
    pub held_bytes: f64,
    pub local_bytes: f64,
}

impl From<Tally> for WeightSources {
    fn from(tally: Tally) -> Self {
        Self {
            sent_bytes: tally.sent_bytes as f64,
            cached_bytes: tally.cached_bytes as f64,
            held_bytes: tally.held_bytes as f64,
            local_bytes: tally.local_bytes as f64,
        }
    }
}
