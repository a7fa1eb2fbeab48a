//! A plan on its way between the engine and JavaScript.

use napi_derive::napi;

/// What the ranks agree on beside their Programs.
#[napi(object, use_nullable = true)]
pub struct Plan {
    pub all_reduce: AllReducePlan,
}

/// Which partials are scattered.
#[napi(object, use_nullable = true)]
pub struct AllReducePlan {
    pub scattered_from_bytes: Option<u32>,
}

/// What a plan was made from.
#[napi(object)]
pub struct Measurement {
    pub latency_ms: f64,
    pub bytes_per_second: f64,
}

impl From<dllama_engine::Plan> for Plan {
    fn from(plan: dllama_engine::Plan) -> Self {
        let dllama_engine::AllReducePlan {
            scattered_from_bytes,
        } = plan.all_reduce;
        Self {
            all_reduce: AllReducePlan {
                scattered_from_bytes,
            },
        }
    }
}

impl From<Plan> for dllama_engine::Plan {
    fn from(plan: Plan) -> Self {
        Self {
            all_reduce: dllama_engine::AllReducePlan {
                scattered_from_bytes: plan.all_reduce.scattered_from_bytes,
            },
        }
    }
}

impl From<dllama_engine::Measurement> for Measurement {
    fn from(measurement: dllama_engine::Measurement) -> Self {
        Self {
            latency_ms: measurement.latency.as_secs_f64() * 1000.0,
            bytes_per_second: measurement.bytes_per_second,
        }
    }
}
