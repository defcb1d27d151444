//! A server on this machine stands in for the internet; what is refused is refused by the rules that ship.

use std::net::SocketAddr;

use chat::{Document, Image, Message};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// Answers one path after another with bytes of the test's own.
async fn serve(replies: Vec<(&'static str, Vec<u8>)>) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default();
            let reply = replies.iter().find(|(name, _)| *name == path);
            let reply =
                reply.map_or(&b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"[..], |(_, bytes)| bytes);
            stream.write_all(reply).await.unwrap();
        }
    });
    (address, server)
}

fn ok(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut reply =
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len())
            .into_bytes();
    reply.extend_from_slice(body);
    reply
}

fn moved(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

fn on_this_machine() -> Fetcher {
    Fetcher { rules: Rules { plain_http: true, any_address: true }, ..Fetcher::default() }
}

fn with_image(url: &str) -> Request {
    let image = Content::Image(Image { format: None, source: Source::Remote(url.to_owned()) });
    Request {
        messages: vec![Message::user("look"), Message::User(vec![Part { content: image, cache: None }])],
        ..Request::default()
    }
}

fn anywhere() -> RemoteContent {
    RemoteContent::Allowed { hosts: None }
}

#[tokio::test]
async fn content_takes_the_place_of_its_address_in_its_real_format() {
    let (address, _server) = serve(vec![
        ("/a.jpg", moved("/b/c")),
        ("/b/c", moved("d")),
        ("/b/d", ok("text/plain", PNG)),
        ("/x", ok("application/pdf; x=y", b"%PDF-1.7 ...")),
    ])
    .await;
    let mut request = with_image(&format!("http://{address}/a.jpg"));
    let document = Document {
        format: None,
        name: Some("x".into()),
        source: Source::Remote(format!("http://{address}/x")),
    };
    request.messages.push(Message::User(vec![Part { content: Content::Document(document), cache: None }]));
    on_this_machine().fill(&mut request, &anywhere()).await.unwrap();
    let Message::User(parts) = &request.messages[1] else { unreachable!() };
    let expected =
        Image { format: Some(chat::ImageFormat::Png), source: Source::Base64(STANDARD.encode(PNG).into()) };
    assert_eq!(parts[0].content, Content::Image(expected));
    let Message::User(parts) = &request.messages[2] else { unreachable!() };
    assert!(matches!(
        &parts[0].content,
        Content::Document(Document { format: Some(chat::DocumentFormat::Pdf), .. })
    ));
}

#[tokio::test]
async fn what_cannot_be_had_is_the_clients_error_at_its_part() {
    let (address, _server) = serve(vec![
        ("/text", ok("image/png", b"no picture")),
        ("/loop", moved("/loop")),
        ("/away", moved("ftp://x/")),
        ("/packed", b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx".to_vec()),
        ("/short", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx".to_vec()),
        (
            "/large",
            format!("HTTP/1.1 200 OK\r\ncontent-length: 30000000\r\n\r\n{}", "x".repeat(30_000_000))
                .into_bytes(),
        ),
    ])
    .await;
    for (path, reason) in [
        ("/none", "its host answered 404"),
        ("/text", "it is of no format"),
        ("/loop", "it redirects too often"),
        ("/away", "only `https://` addresses are fetched"),
        ("/packed", "compressed"),
        ("/short", "it broke off"),
        ("/large", "it is larger than"),
    ] {
        let mut request = with_image(&format!("http://{address}{path}"));
        let error = on_this_machine().fill(&mut request, &anywhere()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.field()),
            (ErrorKind::InvalidRequest, Some(&Field::Part(1, 0))),
            "{path}"
        );
        assert!(error.message().contains(reason), "{path}: {}", error.message());
    }
}

#[tokio::test]
async fn all_content_of_a_request_together_has_a_limit() {
    let picture = [PNG, &vec![0; 13 * 1024 * 1024]].concat();
    let (address, _server) = serve(vec![("/a.png", ok("image/png", &picture))]).await;
    let mut request = with_image(&format!("http://{address}/a.png"));
    let Message::User(parts) = &mut request.messages[1] else { unreachable!() };
    parts.push(parts[0].clone());
    let error = on_this_machine().fill(&mut request, &anywhere()).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidRequest, Some(&Field::Part(1, 1))));
    assert!(error.message().contains("everything of this request"), "{}", error.message());
}

#[tokio::test]
async fn nothing_is_fetched_from_addresses_that_are_not_public() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for url in [
        format!("https://127.0.0.1:{port}/x"),
        format!("https://localhost:{port}/x"),
        format!("https://LOCALHOST.:{port}/x"),
        format!("https://[::1]:{port}/x"),
        format!("https://[::ffff:127.0.0.1]:{port}/x"),
        format!("https://2130706433:{port}/x"),
        format!("https://0x7f.1:{port}/x"),
        format!("https://0177.0.0.1:{port}/x"),
        format!("https://127.1:{port}/x"),
        format!("https://0:{port}/x"),
        format!("http://127.0.0.1:{port}/x"),
        format!("https://user@127.0.0.1:{port}/x"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://[fd00:ec2::254]/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
        "https:///x".to_owned(),
        "https://".to_owned(),
    ] {
        let error = Fetcher::default().fill(&mut with_image(&url), &anywhere()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.field()),
            (ErrorKind::InvalidRequest, Some(&Field::Part(1, 0))),
            "{url}"
        );
        assert!(!error.message().contains("127"), "{}", error.message());
    }
    let accepted = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(accepted.is_err(), "somebody connected");
}

#[tokio::test]
async fn only_hosts_of_the_list_are_asked() {
    let hosts = Some(vec!["images.example.com".to_owned(), "*.example.org".to_owned()]);
    let policy = RemoteContent::Allowed { hosts };
    for (url, allowed) in [
        ("https://images.example.com/x", true),
        ("https://IMAGES.example.com./x", true),
        ("https://a.b.example.org/x", true),
        ("https://example.org/x", false),
        ("https://evilexample.org/x", false),
        ("https://example.com/x", false),
        ("https://images.example.com.evil.net/x", false),
    ] {
        let RemoteContent::Allowed { hosts } = &policy else { unreachable!() };
        assert_eq!(Rules::default().check(url, hosts.as_deref()).is_ok(), allowed, "{url}");
    }
}

#[tokio::test]
async fn nothing_is_fetched_where_the_manifest_says_nothing() {
    let mut request = with_image("https://example.com/x.png");
    let error = Fetcher::default().fill(&mut request, &RemoteContent::Denied).await.unwrap_err();
    assert!(error.message().contains("`data:` URL"), "{}", error.message());
    assert_eq!(error.field(), Some(&Field::Part(1, 0)));
}
