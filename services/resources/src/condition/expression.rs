//! An expression over a request (what a `generic` Source makes an attribute of) or over an object of Kubernetes.

use std::fmt::Write as _;
use std::sync::Arc;

use cel::common::ast::{Expr, LiteralValue};
use cel::common::types::CelString;
use cel::common::value::CowVal;
use cel::{ExecutionError, IdedExpr, Value};
use sha2::{Digest as _, Sha256};

use super::meter::{self, EvaluateError, Scope};
use crate::rule::{Flaw, OBJECT, REQUEST};

/// A function that only expressions have: 32 hexadecimal digits of the SHA-256 of a text.
pub(super) const DIGEST: &str = "digest";
/// Digits of a digest: half of a SHA-256, as many as a UUID has.
const DIGITS: usize = 32;

/// CEL over `headers`, `body` and `query`, or over `object` and `now`, compiled, with the limits of a condition. Two are equal when their texts are.
#[derive(Debug, Clone)]
pub struct Expression {
    /// As the user wrote it.
    pub text: String,
    /// With a limit on what its loops may cost.
    metered: Arc<IdedExpr>,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

impl Scope {
    /// Without variables, with the function that only expressions have.
    ///
    /// # Panics
    /// Never: no function of CEL has its name.
    pub fn of_request() -> Self {
        let mut scope = Self::new();
        let digest: meter::Function = Box::new(|call| {
            let value = call.args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
            let Some(text) = value.downcast_ref::<CelString<'_>>() else {
                return Err(call.error("it digests a text"));
            };
            let mut digits = String::new();
            for byte in &Sha256::digest(text.inner())[..DIGITS / 2] {
                // Writing to a String cannot fail.
                let _ = write!(digits, "{byte:02x}");
            }
            Ok(CowVal::owned(CelString::from(digits)))
        });
        scope.add_function(DIGEST, digest);
        scope
    }
}

impl Expression {
    /// Compiles an expression; names whatever it names that there is not.
    ///
    /// ```
    /// use resources::condition::{Expression, Scope, of_json};
    /// let id = Expression::compile(r#"body.build + "/" + body.state"#).expect("CEL");
    /// let mut scope = Scope::of_request();
    /// scope.set("body", of_json(&serde_json::json!({"build": "b-7", "state": "done"})));
    /// assert_eq!(id.evaluate(&scope), Ok("b-7/done".into()));
    /// let short = Expression::compile("size(digest(body.build))").expect("CEL");
    /// assert_eq!(short.evaluate(&scope), Ok(32.into()));
    /// assert!(Expression::compile("data.build").is_err(), "there is no `data` yet");
    /// ```
    pub fn compile(text: &str) -> Result<Self, Vec<Flaw>> {
        let compiled = super::compile(text, &REQUEST)?;
        Ok(Self { text: text.to_owned(), metered: compiled.metered })
    }

    /// Compiles an expression over an object of Kubernetes: `object`, as Kubernetes has it, and `now`.
    ///
    /// ```
    /// use resources::condition::{Expression, Scope, of_json};
    /// let phase = Expression::of_object(r#"object.?status.?phase.orValue("")"#).expect("CEL");
    /// let mut scope = Scope::new();
    /// scope.set("object", of_json(&serde_json::json!({"status": {"phase": "Ready"}})));
    /// assert_eq!(phase.evaluate(&scope), Ok("Ready".into()));
    /// ```
    pub fn of_object(text: &str) -> Result<Self, Vec<Flaw>> {
        let compiled = super::compile(text, &OBJECT)?;
        Ok(Self { text: text.to_owned(), metered: compiled.metered })
    }

    /// Evaluates it. The value may be of any type.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluateError> {
        meter::evaluate(&self.metered, scope)
    }

    /// The text that it always is, if it is nothing but one.
    pub fn fixed(&self) -> Option<&str> {
        match &self.metered.expr {
            Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
            _ => None,
        }
    }
}
