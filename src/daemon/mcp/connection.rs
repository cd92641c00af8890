//! One connection, one request: each part of it within its time, and none of them in another's way.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::admission::{Admitted, Refused, admit, from_this_machine};
use super::places::Place;
use super::refusals::Why;
use super::{Desk, Front, Own};
use crate::model::effect::SessionName;
use crate::protocol::tools::WAIT_S_MAX;

/// For the whole head of a request to arrive, and for its body.
const HEAD: Duration = Duration::from_secs(5);
const BODY: Duration = Duration::from_secs(5);
/// For everything: a call may wait for a reply, and its answer must be taken.
const WHOLE: Duration = Duration::from_secs(WAIT_S_MAX + 30);
/// For a refusal to be taken by a caller that has said little or nothing.
const LAST_WORD: Duration = Duration::from_secs(1);
const HEAD_BYTES_MAX: usize = 64 << 10;

type Body = BoxBody<Bytes, Infallible>;

/// Hears one request and answers it.
pub(super) async fn serve(stream: TcpStream, from: SocketAddr, front: &Arc<Front>) {
    // Held until the last byte is out.
    let Some((place, leave)) = front.places.stranger().await else {
        front.refusals.note(Why::TooMany, None, from);
        return turn_away(stream, front).await;
    };
    let service = service_fn(async |request| {
        let answered = answer(request, from, front, &place).await;
        Ok::<_, Infallible>(answered.unwrap_or_else(|Refused { why, session }| {
            front.refusals.note(why, session.as_ref(), from);
            refusal(why)
        }))
    });
    let mut http = http1::Builder::new();
    // One request each: there is no idle connection that could be closed under a call.
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).keep_alive(false).max_buf_size(HEAD_BYTES_MAX);
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let heard = tokio::select! {
        heard = timeout(WHOLE, &mut connection) => heard,
        () = leave.told() => {
            front.refusals.note(Why::MadeRoom, None, from);
            let mut stream = connection.into_parts().io.into_inner();
            let _ = timeout(LAST_WORD, stream.write_all(&in_bytes(Why::MadeRoom))).await;
            return;
        }
    };
    match heard {
        Ok(Err(error)) if error.is_timeout() => {
            front.refusals.note(Why::SlowHead, None, from);
            let mut stream = connection.into_parts().io.into_inner();
            // Whoever is slow to speak may have gone.
            let _ = timeout(LAST_WORD, stream.write_all(&in_bytes(Why::SlowHead))).await;
        }
        Ok(Err(error)) if error.is_parse_too_large() => front.refusals.note(Why::HeadTooLong, None, from),
        Ok(Err(error)) => tracing::debug!(%error, "a call by MCP ended early"),
        Ok(Ok(())) => {}
        Err(_) => tracing::debug!("a call by MCP took too long"),
    }
}

async fn answer(
    request: Request<Incoming>,
    from: SocketAddr,
    front: &Arc<Front>,
    place: &Place,
) -> Result<Response<Body>, Refused> {
    place.is_heard();
    from_this_machine(request.headers(), front.port)?;
    if request.uri().path() != "/mcp" {
        return Ok(plain(StatusCode::NOT_FOUND, "agents call /mcp"));
    }
    let Admitted { session, body_bytes_max } = admit(front, request.headers(), from).await?;
    let of_session = |why| Refused { why, session: Some(session.clone()) };
    let own = front.places.of(&session).ok_or_else(|| of_session(Why::TooManyOfOne))?;
    place.becomes(own);
    let request = whole(request, body_bytes_max).await.map_err(of_session)?;
    Ok(speak(front, session).handle(request).await)
}

/// The request with its body, all of it.
async fn whole(request: Request<Incoming>, bytes_max: usize) -> Result<Request<Full<Bytes>>, Why> {
    let (head, body) = request.into_parts();
    let told = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|bytes| bytes > bytes_max) {
        return Err(Why::BodyTooLong);
    }
    match timeout(BODY, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(body)) => Ok(Request::from_parts(head, Full::new(body.to_bytes()))),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Why::BodyTooLong),
        // It went away in the middle of it, or stopped.
        Ok(Err(_)) | Err(_) => Err(Why::SlowBody),
    }
}

/// MCP for one request: nothing is kept from one to the next, so a daemon that starts again is the same to a client.
fn speak(front: &Arc<Front>, session: SessionName) -> StreamableHttpService<Desk<Own>, NeverSessionManager> {
    let door = Arc::clone(&front.door);
    let desk = Desk::new(Own { door, session });
    let config = StreamableHttpServerConfig::default().with_legacy_session_mode(false);
    StreamableHttpService::new(move || Ok(desk.clone()), Arc::default(), config)
}

fn refusal(why: Why) -> Response<Body> {
    let mut response = plain(why.status(), why.says());
    let headers = response.headers_mut();
    match why.status() {
        StatusCode::UNAUTHORIZED => headers.insert(WWW_AUTHENTICATE, "Bearer".parse().expect("a header's text")),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => headers.insert(RETRY_AFTER, 1.into()),
        _ => None,
    };
    response
}

fn plain(status: StatusCode, says: &str) -> Response<Body> {
    let body = json!({ "error": { "code": "refused", "message": says } }).to_string();
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, "application/json".parse().expect("a header's text"));
    response
}

/// The same where no HTTP is spoken yet.
fn in_bytes(why: Why) -> Vec<u8> {
    let body = json!({ "error": { "code": "refused", "message": why.says() } }).to_string();
    let head = format!(
        "HTTP/1.1 {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        why.status(),
        body.len()
    );
    [head, body].concat().into_bytes()
}

/// Says so to a caller too many. What it says itself is read and dropped: a socket closed over unread bytes takes the
/// answer with it.
async fn turn_away(mut stream: TcpStream, front: &Front) {
    let Some(_place) = front.places.outside() else { return };
    let said = async {
        stream.write_all(&in_bytes(Why::TooMany)).await?;
        stream.shutdown().await?;
        let mut heard = [0; 4096];
        while stream.read(&mut heard).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    if let Ok(Err(error)) = timeout(LAST_WORD, said).await {
        tracing::debug!(%error, "a caller too many has gone");
    }
}
