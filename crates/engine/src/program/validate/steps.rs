//! The shape rule of each op.

use super::declarations::MAX_SIZE;
use super::rule::{Rule, rows_name};
use crate::float_type::FloatType;
use crate::program::error::ProgramError;
use crate::program::op::{Op, Product};
use crate::program::schema::{Program, WireType};

/// Candidates a row: each costs 8 bytes on the wire.
const MAX_CANDIDATES: u32 = 1 << 12;
/// Input features of a product: kernels keep some rows of it a thread. Llama 3.1 405B has 53,248.
const MAX_INPUT: u32 = 1 << 17;

pub(super) fn check(program: &Program) -> Result<(), ProgramError> {
    let n_steps = program.steps.len();
    for (step, entry) in program.steps.iter().enumerate() {
        let rule = Rule {
            program,
            step,
            op: entry.op.name(),
        };
        rule.check(&entry.op)?;
        let is_candidates = matches!(entry.op, Op::Candidates { .. });
        if is_candidates != (step + 1 == n_steps) {
            let place = format!("step {} of {n_steps}", step + 1);
            return Err(rule.broken(
                "place",
                "candidates as the last step and nowhere else",
                place,
            ));
        }
    }
    if n_steps == 0 {
        return Err(ProgramError::Declaration {
            what: "steps".into(),
            expected: "at least candidates".into(),
            got: "none".into(),
        });
    }
    Ok(())
}

impl Rule<'_> {
    fn check(&self, op: &Op) -> Result<(), ProgramError> {
        match op {
            Op::Embedding { weight, wire, out } => self.embedding(*weight, *wire, *out),
            Op::RmsNorm {
                input,
                weight,
                out,
                eps,
            } => self.rms_norm(*input, *weight, *out, *eps),
            Op::MatMul { input, products } => self.mat_mul(*input, products),
            Op::Rope { rope, buffers } => self.rope(*rope, buffers),
            Op::Attention { .. } => self.attention(op),
            Op::SwiGlu { gate, up, out } => {
                let (g, u) = (self.buffer("gate", *gate)?, self.buffer("up", *up)?);
                let o = self.buffer("out", *out)?;
                self.same_shape("up", g, u)?;
                self.same_shape("out", g, o)?;
                self.distinct("out", *out, &[*gate, *up])
            }
            Op::AllReduce { input, into } => self.all_reduce(*input, *into),
            Op::SelectRows { input, out } => {
                let (i, o) = (self.rows_all("input", *input)?, self.buffer("out", *out)?);
                self.equal("out rows", &"selected", &rows_name(o.rows))?;
                self.equal("out width", &i.width, &o.width)
            }
            Op::Candidates {
                logits,
                vocab_split,
                k,
            } => self.candidates(*logits, vocab_split, *k),
        }
    }

    fn embedding(
        &self,
        weight: Option<u32>,
        wire: FloatType,
        out: u32,
    ) -> Result<(), ProgramError> {
        let o = self.rows_all("out", out)?;
        self.holds("out width", o.width > 0, "1 or more", o.width)?;
        self.multiple("out width", o.width, wire.values_per_block() as u32)?;
        // The root looks rows up and sends them to the others.
        let weight = match (self.program.rank, weight) {
            (0, Some(weight)) => weight,
            (0, None) => return Err(self.broken("weight", "the embedding table's index", "none")),
            (_, None) => return Ok(()),
            (_, Some(index)) => return Err(self.broken("weight", "none on a worker", index)),
        };
        let table = self.weight("weight", weight)?;
        self.equal("weight rows", &self.program.vocab_size, &table.rows)?;
        self.equal("weight cols", &o.width, &table.cols)?;
        let narrowed = !table.float_type.is_quantised() && wire == FloatType::Q80;
        if wire != table.float_type && !narrowed {
            let expected = "the table's type, or q80 for f16 and f32";
            return Err(self.broken("wire", expected, format!("{wire:?}")));
        }
        Ok(())
    }

    fn rms_norm(&self, input: u32, weight: u32, out: u32, eps: f32) -> Result<(), ProgramError> {
        let (i, o) = (self.buffer("input", input)?, self.buffer("out", out)?);
        self.same_shape("out", i, o)?;
        self.distinct("out", out, &[input])?;
        let w = self.weight("weight", weight)?;
        self.equal(
            "weight type",
            &"F32",
            &format!("{:?}", w.float_type).as_str(),
        )?;
        self.equal("weight rows", &1, &w.rows)?;
        self.equal("weight cols", &i.width, &w.cols)?;
        self.holds("eps", eps.is_finite() && eps >= 0.0, "0 or more", eps)
    }

    fn mat_mul(&self, input: u32, products: &[Product]) -> Result<(), ProgramError> {
        let i = self.buffer("input", input)?;
        let expected = format!("at most {MAX_INPUT}");
        self.holds("input width", i.width <= MAX_INPUT, expected, i.width)?;
        let n = products.len();
        self.holds("products", (1..=64).contains(&n), "1 to 64", n)?;
        let mut taken = vec![input];
        for product in products {
            let w = self.weight("weight", product.weight)?;
            let o = self.buffer("out", product.out)?;
            self.equal("weight cols", &i.width, &w.cols)?;
            self.equal("out width", &w.rows, &o.width)?;
            self.equal("out rows", &rows_name(i.rows), &rows_name(o.rows))?;
            self.distinct("out", product.out, &taken)?;
            taken.push(product.out);
        }
        Ok(())
    }

    fn rope(&self, rope: u32, buffers: &[u32]) -> Result<(), ProgramError> {
        let ropes = &self.program.ropes;
        let Some(found) = ropes.get(rope as usize) else {
            return Err(self.missing("rope", ropes.len(), rope));
        };
        let n = buffers.len();
        self.holds("buffers", (1..=64).contains(&n), "1 to 64", n)?;
        let head_dim = 2 * found.frequencies.len() as u32;
        for (index, &buffer) in buffers.iter().enumerate() {
            let width = self.rows_all("buffer", buffer)?.width;
            self.multiple("buffer width", width, head_dim)?;
            self.distinct("buffer", buffer, &buffers[..index])?;
        }
        Ok(())
    }

    fn attention(&self, op: &Op) -> Result<(), ProgramError> {
        let &Op::Attention {
            cache,
            q,
            k,
            v,
            out,
            group_size,
            first_in_group,
            scale,
        } = op
        else {
            return Ok(());
        };
        let caches = &self.program.kv_caches;
        let Some(found) = caches.get(cache as usize) else {
            return Err(self.missing("cache", caches.len(), cache));
        };
        let kv_width = found.n_kv_heads * found.head_dim;
        let q_width = self.rows_all("q", q)?.width;
        self.multiple("q width", q_width, found.head_dim)?;
        self.equal("out width", &q_width, &self.rows_all("out", out)?.width)?;
        self.equal("k width", &kv_width, &self.rows_all("k", k)?.width)?;
        self.equal("v width", &kv_width, &self.rows_all("v", v)?.width)?;
        self.distinct("out", out, &[q, k, v])?;
        let is_possible = (1..=MAX_SIZE).contains(&group_size);
        let expected = format!("1 to {MAX_SIZE}");
        self.holds("group size", is_possible, expected, group_size)?;
        let place = format!("{first_in_group} of {group_size}");
        let is_within = first_in_group < group_size;
        self.holds(
            "first in group",
            is_within,
            "a place within the group",
            place,
        )?;
        // The heads lie in groups from this rank's first one on; those at its borders may be shared with other
        // ranks. A KV head more would have no queries. No overflow: all three are at most 2^24.
        let n_heads = q_width / found.head_dim;
        let n_groups = match n_heads {
            0 => 0,
            n => (first_in_group + n).div_ceil(group_size),
        };
        let expected = format!(
            "{n_groups} for {n_heads} query heads in groups of {group_size} from place {first_in_group}"
        );
        let is_exact = found.n_kv_heads == n_groups;
        self.holds("KV heads", is_exact, expected, found.n_kv_heads)?;
        self.holds("scale", scale.is_finite(), "a finite number", scale)
    }

    fn all_reduce(&self, input: u32, into: u32) -> Result<(), ProgramError> {
        let (i, o) = (self.rows_all("input", input)?, self.rows_all("into", into)?);
        self.equal("into width", &i.width, &o.width)?;
        self.distinct("into", into, &[input])?;
        match self.program.buffer_float_type {
            WireType::F32 => Ok(()),
            WireType::Q80 if self.program.world_size == 1 => Ok(()),
            WireType::Q80 => self.multiple("width", i.width, 32),
        }
    }

    fn candidates(&self, logits: u32, split: &[u32], k: u32) -> Result<(), ProgramError> {
        let l = self.buffer("logits", logits)?;
        self.equal("logits rows", &"selected", &rows_name(l.rows))?;
        let world_size = self.program.world_size as usize;
        self.equal("ranks of the split", &world_size, &split.len())?;
        let sum: u64 = split.iter().map(|&n| u64::from(n)).sum();
        self.equal("sum of the split", &self.program.vocab_size.into(), &sum)?;
        let own = split[self.program.rank as usize];
        self.equal("logits width", &own, &l.width)?;
        self.holds("k", (1..=MAX_CANDIDATES).contains(&k), "1 to 4096", k)
    }
}
