//! `engine.forward` and `engine.fullRow`: from rows to candidates.

use dllama_engine::{ForwardReport, OpTimes, Row, RowClass, RowResult, Want};
use napi::bindgen_prelude::{
    Array, AsyncTask, Float32ArraySlice, JsObjectValue, Object, Uint32ArraySlice,
};
use napi::{Env, ScopedTask};
use napi_derive::napi;

use crate::engine::{Engine, Handle};
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
    pub fn forward(&self, row_class: String, rows: Vec<ForwardRow>) -> AsyncTask<Forward> {
        AsyncTask::new(Forward {
            handle: self.handle.clone(),
            request: request(&row_class, rows).map_err(Some),
        })
    }

    /// All logits of wanted row `index` of the last forward.
    #[napi(ts_return_type = "Promise<Float32Array>")]
    pub fn full_row(&self, index: u32) -> AsyncTask<FullRow> {
        AsyncTask::new(FullRow {
            handle: self.handle.clone(),
            index,
        })
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

pub struct Forward {
    handle: Handle,
    /// Taken when the task runs.
    request: Result<(RowClass, Vec<Row>), Option<Failure>>,
}

#[napi]
impl<'task> ScopedTask<'task> for Forward {
    type Output = Outcome<ForwardReport>;
    type JsValue = Object<'task>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let request = std::mem::replace(&mut self.request, Err(None));
        let forward = || {
            let (class, rows) =
                request.map_err(|failure| failure.unwrap_or_else(|| Failure::disposed("task")))?;
            Ok(self.handle.root()?.forward(class, rows)?)
        };
        Ok(forward())
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> napi::Result<Object<'task>> {
        let report = output.map_err(|failure| failure.into_js(env))?;
        let mut rows = env.create_array(report.rows.len() as u32)?;
        for (index, row) in report.rows.iter().enumerate() {
            set_row(env, &mut rows, index as u32, row)?;
        }
        let mut object = Object::new(env)?;
        object.set_named_property("rows", rows)?;
        object.set_named_property("inferenceMs", report.inference.as_secs_f64() * 1e3)?;
        object.set_named_property("transferMs", report.transfer.as_secs_f64() * 1e3)?;
        object.set_named_property("opMs", op_ms(env, &report.op_times)?)?;
        object.set_named_property("sentBytes", report.sent_bytes as f64)?;
        object.set_named_property("receivedBytes", report.received_bytes as f64)?;
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

pub struct FullRow {
    handle: Handle,
    index: u32,
}

#[napi]
impl<'task> ScopedTask<'task> for FullRow {
    type Output = Outcome<Vec<f32>>;
    type JsValue = Float32ArraySlice<'task>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let row = || Ok(self.handle.root()?.full_row(self.index)?);
        Ok(row())
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        let row = output.map_err(|failure| failure.into_js(env))?;
        Float32ArraySlice::copy_from(env, row)
    }
}
