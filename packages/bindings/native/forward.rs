//! `engine.forward` and `engine.fullRow`: from rows to candidates.

use std::sync::Arc;
use std::time::Instant;

use dllama_engine::{ForwardReport, OpTimes, Root, Row, RowClass, RowResult, Want};
use napi::Env;
use napi::bindgen_prelude::{Array, Float32ArraySlice, JsObjectValue, Object, Uint32ArraySlice};
use napi_derive::napi;

use crate::engine::Engine;
use crate::engine_thread::Answer;
use crate::failure::{Failure, Outcome};

/// One token of a forward.
#[napi(object)]
pub struct ForwardRow {
    pub token: u32,
    pub position: u32,
    pub sequence: u32,
    #[napi(ts_type = "'none' | 'candidates' | 'full'")]
    pub want: String,
    pub temperature: f64,
}

#[napi]
impl Engine {
    /// Computes rows on all ranks. `rowClass` is "fast" or "exact".
    #[napi(ts_return_type = "Promise<ForwardResult>")]
    pub fn forward<'env>(
        &self,
        env: &'env Env,
        row_class: String,
        rows: Vec<ForwardRow>,
    ) -> napi::Result<Object<'env>> {
        let is_one_row = rows.len() == 1;
        let request = request(&row_class, rows);
        let brief = Arc::clone(&self.brief);
        let forward = move |root: &Root| {
            let (class, rows) = request?;
            let start = Instant::now();
            let report = root.forward(class, rows)?;
            // A forward of several ranks may wait for a peer, however brief the last one was.
            if is_one_row && root.world_size() == 1 {
                brief.took(start.elapsed());
            }
            Ok(report)
        };
        if !(is_one_row && self.thread.is_idle() && self.brief.stays()) {
            self.thread.ask(env, forward)
        } else if self.brief.gives_turn() {
            self.thread.do_here_in_turn(env, forward)
        } else {
            self.thread.do_here(env, forward)
        }
    }

    /// All logits of wanted row `index` of the last forward.
    #[napi(ts_return_type = "Promise<Float32Array>")]
    pub fn full_row<'env>(&self, env: &'env Env, index: u32) -> napi::Result<Object<'env>> {
        self.thread
            .ask(env, move |root| Ok(FullRow(root.full_row(index)?)))
    }
}

fn request(row_class: &str, rows: Vec<ForwardRow>) -> Outcome<(RowClass, Vec<Row>)> {
    let unknown =
        |what: &str, got: &str| Failure::new("INVALID_ARGUMENT", format!("{what}, got {got:?}"));
    let class = match row_class {
        "fast" => RowClass::Fast,
        "exact" => RowClass::Exact,
        other => return Err(unknown("rowClass is \"fast\" or \"exact\"", other)),
    };
    let rows = rows.into_iter().map(|row| {
        let want = match row.want.as_str() {
            "none" => Want::None,
            "candidates" => Want::Candidates,
            "full" => Want::Full,
            other => {
                return Err(unknown(
                    "want is \"none\", \"candidates\" or \"full\"",
                    other,
                ));
            }
        };
        Ok(Row {
            token: row.token,
            position: row.position,
            sequence: row.sequence,
            want,
            temperature: row.temperature as f32,
        })
    });
    Ok((class, rows.collect::<Result<_, _>>()?))
}

impl Answer for ForwardReport {
    type Js<'env> = Object<'env>;

    fn into_js<'env>(self, env: &'env Env) -> napi::Result<Object<'env>> {
        let mut rows = env.create_array(self.rows.len() as u32)?;
        for (index, row) in self.rows.iter().enumerate() {
            match row {
                Some(row) => set_row(env, &mut rows, index as u32, row)?,
                None => rows.set(index as u32, ())?,
            }
        }
        let mut failures = env.create_array(self.failures.len() as u32)?;
        for (index, failure) in self.failures.into_iter().enumerate() {
            failures.set_element(index as u32, Failure::from(failure).into_object(env)?)?;
        }
        let mut object = Object::new(env)?;
        object.set_named_property("rows", rows)?;
        object.set_named_property("failures", failures)?;
        object.set_named_property("inferenceMs", self.inference.as_secs_f64() * 1e3)?;
        object.set_named_property("transferMs", self.transfer.as_secs_f64() * 1e3)?;
        object.set_named_property("opMs", op_ms(env, &self.op_times)?)?;
        object.set_named_property("sentBytes", self.sent_bytes as f64)?;
        object.set_named_property("receivedBytes", self.received_bytes as f64)?;
        Ok(object)
    }
}

fn op_ms<'env>(env: &'env Env, times: &OpTimes) -> napi::Result<Object<'env>> {
    let mut object = Object::new(env)?;
    for (kind, time) in [
        ("matMul", times.mat_mul),
        ("attention", times.attention),
        ("norm", times.norm),
        ("sampling", times.sampling),
        ("other", times.other),
        ("wait", times.wait),
        ("network", times.network),
    ] {
        object.set_named_property(kind, time.as_secs_f64() * 1e3)?;
    }
    Ok(object)
}

/// Results are copied: Electron forbids memory of ours inside an ArrayBuffer.
fn set_row(env: &Env, rows: &mut Array<'_>, index: u32, row: &RowResult) -> napi::Result<()> {
    let ids: Vec<u32> = row
        .candidates
        .iter()
        .map(|candidate| candidate.index)
        .collect();
    let logits: Vec<f32> = row
        .candidates
        .iter()
        .map(|candidate| candidate.logit)
        .collect();
    let mut object = Object::new(env)?;
    object.set_named_property("ids", Uint32ArraySlice::copy_from(env, ids)?)?;
    object.set_named_property("logits", Float32ArraySlice::copy_from(env, logits)?)?;
    object.set_named_property("logSumExp", f64::from(row.log_sum_exp))?;
    if let Some(all) = &row.logits {
        object.set_named_property("all", Float32ArraySlice::copy_from(env, all)?)?;
    }
    rows.set_element(index, object)
}

struct FullRow(Vec<f32>);

impl Answer for FullRow {
    type Js<'env> = Float32ArraySlice<'env>;

    fn into_js<'env>(self, env: &'env Env) -> napi::Result<Float32ArraySlice<'env>> {
        Float32ArraySlice::copy_from(env, self.0)
    }
}
