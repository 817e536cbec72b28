use std::time::Duration;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Opens the connection that all calls share. It returns at once: calls connect, and look the name
/// up whenever they do.
pub fn connect() -> Result<Channel, String> {
    let target = variable("ELDR_TARGET").unwrap_or("127.0.0.1:9002".into());
    let ca = variable("ELDR_TLS_CA");
    let scheme = if ca.is_some() { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{target}"))
        .map_err(|error| format!("ELDR_TARGET is \"{target}\", expected HOST:PORT: {error}"))?
        .connect_timeout(Duration::from_secs(3))
        // A daemon that vanished without a word is noticed within 15 s.
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5));
    if let Some(file) = ca {
        let pem = std::fs::read(&file).map_err(|error| format!("{file}: {error}"))?;
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
        if let Some(name) = variable("ELDR_TLS_SERVER_NAME") {
            tls = tls.domain_name(name);
        }
        endpoint = endpoint
            .tls_config(tls)
            .map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(endpoint.connect_lazy())
}

/// A message with the token in ELDR_TOKEN_FILE's first line, if that is set; the file is read for
/// each call, so that it can be replaced.
pub fn request<T>(message: T) -> Result<Request<T>, Status> {
    let mut request = Request::new(message);
    if let Some(file) = variable("ELDR_TOKEN_FILE") {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| Status::unauthenticated(format!("{file}: {error}")))?;
        let token = text.lines().next().unwrap_or_default().trim();
        let value = format!("Bearer {token}")
            .parse()
            .map_err(|_| Status::unauthenticated(format!("{file}: no token in its first line")))?;
        request.metadata_mut().insert("authorization", value);
    }
    Ok(request)
}
