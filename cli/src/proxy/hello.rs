//! A page for anyone's HTTP client: enough of HTTP/1.x (RFC 9112) to judge the TLS before it.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _};
use tokio::io::{AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;

use super::stop::{Phase, Stop};

/// Bytes of a request's head.
const HEAD: usize = 16 * 1024;
/// For a head that has begun to arrive whole.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers requests with `page` until the client has enough.
pub(super) async fn serve(
    reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    page: &str,
    stop: Stop,
) -> io::Result<()> {
    let mut reader = BufReader::new(reader);
    let mut draining = Box::pin(stop.clone().reached(Phase::Draining));
    loop {
        // A client that keeps its connection for later requests holds up no drain.
        let begun = tokio::select! {
            biased;
            begun = reader.fill_buf() => !begun?.is_empty(),
            () = &mut draining => false,
        };
        if !begun {
            return writer.shutdown().await;
        }
        let request = match timeout(PATIENCE, head(&mut reader)).await {
            Ok(head) => match head? {
                Head::Whole(head) => Request::parse(&head),
                Head::Nothing => return writer.shutdown().await,
                Head::TooLong => Err(Refusal("431 Request Header Fields Too Large")),
            },
            Err(_) => Err(Refusal("408 Request Timeout")),
        };
        let request = match request {
            Ok(request) => request,
            Err(Refusal(status)) => {
                let answer = response(status, "", true);
                writer.write_all(answer.as_bytes()).await?;
                return writer.shutdown().await;
            }
        };
        if request.expects_continue {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            writer.flush().await?;
        }
        skip(&mut reader, request.body).await?;
        let mut answer = response("200 OK", page, request.closes);
        if request.is_head {
            answer.truncate(answer.len() - page.len());
        }
        writer.write_all(answer.as_bytes()).await?;
        writer.flush().await?;
        if request.closes {
            return writer.shutdown().await;
        }
    }
}

fn response(status: &str, body: &str, closes: bool) -> String {
    let connection = if closes { "close" } else { "keep-alive" };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: {connection}\r\n\r\n{body}",
        body.len()
    )
}

async fn skip(reader: &mut (impl AsyncBufRead + Unpin), len: u64) -> io::Result<()> {
    let skipped = tokio::io::copy(&mut reader.take(len), &mut tokio::io::sink()).await?;
    if skipped < len {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

enum Head {
    Whole(Vec<u8>),
    /// The client ended without a request.
    Nothing,
    TooLong,
}

/// The lines up to the empty one. Empty lines before them are passed over (RFC 9112, 2.2).
async fn head(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Head> {
    let mut head = Vec::new();
    loop {
        let begin = head.len();
        let room = (HEAD - begin) as u64;
        let len = (&mut *reader)
            .take(room)
            .read_until(b'\n', &mut head)
            .await?;
        if !head.ends_with(b"\n") {
            return Ok(if len as u64 == room {
                Head::TooLong
            } else if head.is_empty() {
                Head::Nothing
            } else {
                // Cut off: it is judged as it is, and refused.
                Head::Whole(head)
            });
        }
        let line = head.get(begin..).unwrap_or_default();
        if matches!(line, b"\n" | b"\r\n") {
            if begin > 0 {
                return Ok(Head::Whole(head));
            }
            head.clear();
        }
    }
}

/// The status that a request is refused with.
#[derive(Debug, PartialEq, Eq)]
struct Refusal(&'static str);

const BAD_REQUEST: Refusal = Refusal("400 Bad Request");

#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    is_head: bool,
    closes: bool,
    expects_continue: bool,
    /// Bytes that follow the head.
    body: u64,
}

impl Request {
    /// Any target will do.
    fn parse(head: &[u8]) -> Result<Self, Refusal> {
        let head = str::from_utf8(head).map_err(|_| BAD_REQUEST)?;
        let mut lines = head
            .split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line));
        let (method, minor) = request_line(lines.next().unwrap_or_default())?;
        let mut request = Self {
            is_head: method == "HEAD",
            ..Self::default()
        };
        let (mut length, mut close, mut keep_alive) = (None, false, false);
        let mut whole = false;
        for line in lines {
            if line.is_empty() {
                whole = true;
                break;
            }
            let (name, value) = line.split_once(':').ok_or(BAD_REQUEST)?;
            if !is_token(name) {
                return Err(BAD_REQUEST);
            }
            let value = value.trim_matches([' ', '\t']);
            match name.to_ascii_lowercase().as_str() {
                "content-length" => {
                    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                    let given: u64 = value.parse().map_err(|_| BAD_REQUEST)?;
                    // Two that differ are two requests to somebody (RFC 9112, 6.3).
                    if !digits || length.replace(given).is_some_and(|before| before != given) {
                        return Err(BAD_REQUEST);
                    }
                }
                "transfer-encoding" => return Err(Refusal("501 Not Implemented")),
                "expect" => {
                    request.expects_continue = value.eq_ignore_ascii_case("100-continue");
                }
                "connection" => {
                    for option in value.split(',').map(str::trim) {
                        close |= option.eq_ignore_ascii_case("close");
                        keep_alive |= option.eq_ignore_ascii_case("keep-alive");
                    }
                }
                _ => {}
            }
        }
        if !whole {
            return Err(BAD_REQUEST);
        }
        request.body = length.unwrap_or_default();
        request.closes = close || (minor == b'0' && !keep_alive);
        request.expects_continue &= minor != b'0' && request.body > 0;
        Ok(request)
    }
}

/// The method, and the minor version's digit.
fn request_line(line: &str) -> Result<(&str, u8), Refusal> {
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(BAD_REQUEST);
    };
    let printable = !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token(method) || !printable {
        return Err(BAD_REQUEST);
    }
    match version.as_bytes() {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            minor @ b'0'..=b'9',
        ] => Ok((method, *minor)),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(Refusal("505 HTTP Version Not Supported"))
        }
        _ => Err(BAD_REQUEST),
    }
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_tchar)
}

#[cfg(test)]
mod tests {
    use tokio::io::{duplex, split};

    use super::*;

    const PAGE: &str = "a page\n";

    /// What `requests` are answered, when nothing follows them.
    fn answers(requests: &[u8]) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (client, server) = duplex(64);
            let (mut from_server, mut to_server) = split(client);
            let (reader, writer) = split(server);
            let (_phase, stop) = Stop::new();
            let serving = tokio::spawn(serve(reader, writer, PAGE, stop));
            let requests = requests.to_vec();
            let asking = tokio::spawn(async move {
                // The server closes early when it refuses.
                let _ = to_server.write_all(&requests).await;
                let _ = to_server.shutdown().await;
            });
            let mut answers = String::new();
            let heard = from_server.read_to_string(&mut answers);
            timeout(Duration::from_secs(10), heard)
                .await
                .unwrap()
                .unwrap();
            asking.await.unwrap();
            let _ = serving.await.unwrap();
            answers
        })
    }

    fn statuses(requests: &[u8]) -> Vec<String> {
        let answers = answers(requests);
        let lines = answers
            .lines()
            .filter_map(|line| line.strip_prefix("HTTP/1.1 "));
        lines.map(|line| line[..3].to_owned()).collect()
    }

    #[test]
    fn requests_are_answered_in_order_until_one_closes() {
        assert_eq!(
            answers(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 7\r\n\
             Connection: keep-alive\r\n\r\na page\n"
        );
        let pipelined = b"\r\nGET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\
            HEAD /c HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /d HTTP/1.0\n\nGET /e HTTP/1.1\r\n\r\n";
        assert_eq!(statuses(pipelined), ["200"; 4]);
        let answers = answers(pipelined);
        assert_eq!(answers.matches(PAGE).count(), 3, "{answers}");
        assert!(
            answers.ends_with("Connection: close\r\n\r\na page\n"),
            "{answers}"
        );
        let told = b"GET / HTTP/1.1\r\nconnection: foo, Close\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        assert_eq!(statuses(told), ["200"]);
    }

    #[test]
    fn a_body_that_waits_to_be_asked_for_is_asked_for() {
        let expecting = b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab";
        assert_eq!(statuses(expecting), ["100", "200"]);
        let without = b"GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n";
        assert_eq!(statuses(without), ["200"]);
    }

    #[test]
    fn what_is_no_request_is_refused_and_ends_the_connection() {
        let cases: &[(&[u8], &str)] = &[
            (b"garbage\r\n\r\n", "400"),
            (b"\x16\x03\x01\x02\x00\n\n", "400"),
            (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", "400"),
            (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", "400"),
            (b"GET / HTTP/1.1\r\nA: b\r\n folded: c\r\n\r\n", "400"),
            (b"GET  / HTTP/1.1\r\n\r\n", "400"),
            (b"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\na", "400"),
            (
                b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                "400",
            ),
            (
                b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "400",
            ),
            (b"GET / HTTP/1.1\r\nA: cut off", "400"),
            (
                b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "501",
            ),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
        ];
        for (request, status) in cases {
            let text = String::from_utf8_lossy(request);
            let all = [request, &b"GET / HTTP/1.1\r\n\r\n"[..]].concat();
            let all = if text.ends_with("cut off") {
                request
            } else {
                &all[..]
            };
            assert_eq!(statuses(all), [*status], "{text}");
        }
        let long = [&b"GET / HTTP/1.1\r\nA: "[..], &vec![b'a'; HEAD]].concat();
        assert_eq!(statuses(&long), ["431"]);
    }

    #[test]
    fn a_body_that_is_cut_off_gets_no_answer() {
        assert_eq!(
            answers(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"),
            ""
        );
    }

    #[test]
    fn a_drain_ends_a_connection_between_two_requests() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (client, server) = duplex(1024);
            let (mut from_server, mut to_server) = split(client);
            let (reader, writer) = split(server);
            let (phase, stop) = Stop::new();
            let serving = tokio::spawn(serve(reader, writer, PAGE, stop));
            to_server
                .write_all(b"GET / HTTP/1.1\r\n\r\n")
                .await
                .unwrap();
            let mut first = vec![0; response("200 OK", PAGE, false).len()];
            from_server.read_exact(&mut first).await.unwrap();
            phase.send(Phase::Draining).unwrap();
            let mut more = [0; 1];
            let ended = from_server.read(&mut more);
            assert_eq!(
                timeout(Duration::from_secs(10), ended)
                    .await
                    .unwrap()
                    .unwrap(),
                0
            );
            serving.await.unwrap().unwrap();
        });
    }
}
