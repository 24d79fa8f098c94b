//! Ports that are away are waited for: what was decided is never passed over.

use std::convert::Infallible;
use std::future::Future;

use crate::backoff;

/// Who is told that the bus or the store is waited for: the readiness of the process asks it.
pub trait Waits: Sync {
    /// One of them does not do its part.
    fn waits(&self, why: String);
    /// They do.
    fn flows(&self);
}

/// Tries until it works.
pub async fn insist<T, E, F>(what: &str, told: &dyn Waits, attempt: impl FnMut() -> F) -> T
where
    E: Into<anyhow::Error>,
    F: Future<Output = Result<T, E>>,
{
    let Ok(done) = insist_unless(what, told, attempt, |error| Ok::<_, Infallible>(error.into())).await;
    done
}

/// Tries until it works, or until an error that `retry` does not pass on: with that one it ends.
///
/// # Errors
/// What `retry` made of an error that is not worth another attempt.
pub async fn insist_unless<T, E, S, F>(
    what: &str,
    told: &dyn Waits,
    mut attempt: impl FnMut() -> F,
    retry: impl Fn(E) -> Result<anyhow::Error, S>,
) -> Result<T, S>
where
    F: Future<Output = Result<T, E>>,
{
    let mut failures = 0;
    loop {
        let error = match attempt().await {
            Ok(done) => {
                told.flows();
                return Ok(done);
            }
            Err(error) => format!("{:#}", retry(error)?),
        };
        failures += 1;
        let pause = backoff::after_trouble(failures);
        told.waits(format!("cannot {what}: {error}"));
        tracing::warn!(error, failures, pause_ms = pause.as_millis(), "cannot {what}; trying again");
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use super::*;

    /// What was told, in order; `None`: all is well.
    #[derive(Default)]
    struct Told(Mutex<Vec<Option<String>>>);

    impl Told {
        fn tell(&self, what: Option<String>) {
            self.0.lock().expect("no test panics with it").push(what);
        }
    }

    impl Waits for Told {
        fn waits(&self, why: String) {
            self.tell(Some(why));
        }

        fn flows(&self) {
            self.tell(None);
        }
    }

    fn away() -> io::Error {
        io::Error::other("the bus is away")
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_tried_until_it_works_and_who_asks_is_told_why_it_waits() {
        let told = Told::default();
        let mut left = 40;
        let done = insist("publish", &told, || {
            left -= 1;
            std::future::ready(if left > 0 { Err(away()) } else { Ok("published") })
        })
        .await;
        let told = told.0.into_inner().expect("no test panics with it");
        assert_eq!((done, told.len()), ("published", 40));
        assert_eq!(told.first(), Some(&Some("cannot publish: the bus is away".to_owned())));
        assert_eq!(told.last(), Some(&None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_worth_another_attempt_ends_it() {
        let told = Told::default();
        let mut tries = 0;
        let ended: Result<(), &str> = insist_unless(
            "write",
            &told,
            || {
                tries += 1;
                std::future::ready(Err(if tries < 3 { Some(away()) } else { None }))
            },
            |error| error.map(anyhow::Error::from).ok_or("somebody else has written"),
        )
        .await;
        assert_eq!((ended, tries), (Err("somebody else has written"), 3));
        // The last that was told is the trouble: nobody said that it is over.
        assert!(told.0.into_inner().expect("no test panics with it").iter().all(Option::is_some));
    }
}
