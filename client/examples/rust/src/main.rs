//! Places a request, and releases it when it is decoded: what a frontend does, in Rust.
//!
//!     cargo run -- MODEL REQUEST_ID
//!
//! Environment, as of eldrctl: ELDR_TARGET (127.0.0.1:9002), ELDR_TLS_CA, ELDR_TLS_SERVER_NAME and
//! ELDR_TOKEN_FILE; ELDR_TIMEOUT, the seconds that a call may take in all (5).
mod connect;
mod retry;

/// What is generated from the protos.
mod v1 {
    tonic::include_proto!("eldr.v1");
}

use std::time::Duration;
use v1::placement_service_client::PlacementServiceClient;

fn timeout_from_environment() -> Result<Duration, String> {
    let text = std::env::var("ELDR_TIMEOUT").unwrap_or("5".into());
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!(
            "ELDR_TIMEOUT is \"{text}\", expected seconds, above 0, at most 3600"
        )),
    }
}

async fn run(model: &str, request_id: &str) -> Result<(), String> {
    let timeout = timeout_from_environment()?;
    // Clones share the connection, which serves all requests of a frontend.
    let client = PlacementServiceClient::new(connect::connect()?);

    let query = v1::PlaceRequest {
        model: model.into(),
        request_id: request_id.into(),
        context_tokens: 900,
        // As long as the decode may take, or RenewLease.
        lease_ttl: Some(prost_types::Duration {
            seconds: 120,
            nanos: 0,
        }),
        ..Default::default()
    };
    // The same request id in each attempt: one that was placed before its answer was lost is
    // answered the same lease.
    let placed = retry::with_retry(timeout, || {
        let (mut client, query) = (client.clone(), query.clone());
        async move { client.place(connect::request(query)?).await }
    })
    .await
    // Nobody may fail for want of a router: choose a node by a rule of your own, round robin say.
    .map_err(|status| format!("not placed: {}", retry::describe(&status)))?;
    let node = placed.node.clone().unwrap_or_default();
    println!(
        "placed {request_id} node={} address={} lease={} reason={} signature={}",
        node.node_id,
        node.address,
        placed.lease_id,
        placed
            .reason()
            .as_str_name()
            .trim_start_matches("PLACEMENT_REASON_"),
        placed
            .signature_quality()
            .as_str_name()
            .trim_start_matches("SIGNATURE_QUALITY_"),
    );

    // Here the request decodes at node.address. Release however that ends, an error or a client
    // that went away included.
    let release = v1::ReleaseLeaseRequest {
        // With the lease's id a late release cannot end the lease of a later request of that name.
        lease: Some(v1::LeaseKey {
            model: model.into(),
            request_id: request_id.into(),
            lease_id: placed.lease_id,
        }),
        ..Default::default()
    };
    let released = retry::with_retry(timeout, || {
        let (mut client, release) = (client.clone(), release.clone());
        async move { client.release_lease(connect::request(release)?).await }
    })
    .await
    .map_err(|status| {
        format!(
            "not released, the lease ends by itself: {}",
            retry::describe(&status)
        )
    })?;
    println!(
        "released {request_id} outcome={}",
        released
            .outcome()
            .as_str_name()
            .trim_start_matches("LEASE_OUTCOME_")
    );
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, request_id] = arguments.as_slice() else {
        eprintln!("usage: eldr-place MODEL REQUEST_ID");
        return 2.into();
    };
    if let Err(message) = run(model, request_id).await {
        eprintln!("{message}");
        return 1.into();
    }
    0.into()
}
