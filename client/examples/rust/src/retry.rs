use std::future::Future;
use std::time::Duration;
use tokio::time::{sleep, timeout_at, Instant};
use tonic::{Code, Response, Status};

/// Makes a call that is safe to repeat, until it is answered or `timeout` is over, which bounds all
/// attempts together.
pub async fn with_retry<T, F>(timeout: Duration, call: impl Fn() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let deadline = Instant::now() + timeout;
    let mut bound = Duration::from_millis(50);
    loop {
        let status = match timeout_at(deadline, call()).await {
            Ok(Ok(response)) => return Ok(response.into_inner()),
            Ok(Err(status)) => status,
            Err(_) => {
                return Err(Status::deadline_exceeded(format!(
                    "no answer in {timeout:?}"
                )))
            }
        };
        // Between half of the bound and the bound, so that many clients do not come back at once.
        let pause = bound.mul_f64(0.5 + 0.5 * fastrand::f64());
        // Without time for another attempt, this error says more than that the time is over.
        if !worth_retrying(status.code()) || Instant::now() + pause >= deadline {
            return Err(status);
        }
        eprintln!("again in {pause:.0?}: {}", describe(&status));
        sleep(pause).await;
        bound = (2 * bound).min(Duration::from_secs(1));
    }
}

fn worth_retrying(code: Code) -> bool {
    match code {
        Code::Unavailable => true, // nobody there, shutting down, or no node that may take the request
        Code::ResourceExhausted => true, // all nodes full, or a limit of the daemon
        _ => false,
    }
}

/// "Unavailable: tcp connect error", with the causes that the status keeps to itself.
pub fn describe(status: &Status) -> String {
    let mut text = format!("{:?}: {}", status.code(), status.message());
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
