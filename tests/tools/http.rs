//! As much of an HTTP client as the tests need.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// An answer whose headers were of no interest.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// A port that nothing listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

pub fn get(port: u16, path: &str) -> std::io::Result<Answer> {
    request(port, &format!("GET {path} HTTP/1.1\r\n"), "")
}

/// Posts JSON, with further header lines that each end in CRLF.
pub fn post(port: u16, path: &str, headers: &str, body: &str) -> std::io::Result<Answer> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}"
    );
    request(port, &head, body)
}

/// Asks until the answer is 200, for at most 20 seconds.
pub fn await_ok(port: u16, path: &str) -> Result<(), String> {
    let start = Instant::now();
    loop {
        let answer = get(port, path);
        if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
            return Ok(());
        }
        if start.elapsed() > Duration::from_secs(20) {
            return Err(format!("GET {path} on port {port} got {answer:?}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn request(port: u16, head: &str, body: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "{head}host: localhost\r\nconnection: close\r\n\r\n{body}")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    parse(&text).ok_or_else(|| std::io::Error::other(format!("not an HTTP answer: {text:?}")))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}
