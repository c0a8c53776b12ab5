//! The first message of a client that speaks TLS 1.2 and nothing newer.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use ravelin_core::Alert;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// Sends it, and gives the alert that comes back.
pub(super) async fn offer(address: SocketAddr) -> io::Result<Alert> {
    let exchange = async {
        let mut socket = TcpStream::connect(address).await?;
        socket.write_all(&client_hello()).await?;
        // RFC 8446, 5.1 and 6: type, version, length, level, description.
        let mut record = [0; 7];
        socket.read_exact(&mut record).await?;
        match record {
            [21, 3, _, 0, 2, _, description] => Ok(Alert(description)),
            _ => Err(io::Error::new(ErrorKind::InvalidData, "no alert")),
        }
    };
    timeout(PATIENCE, exchange)
        .await
        .unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

/// RFC 5246, 7.4.1.2, in one record. Without supported_versions the highest version is that of the message.
fn client_hello() -> Vec<u8> {
    let suites = vector16(&[0xc0, 0x2b, 0xc0, 0x2f]);
    let groups = extension(10, &vector16(&[0x00, 0x1d, 0x00, 0x17]));
    let signatures = extension(13, &vector16(&[0x04, 0x03, 0x08, 0x04, 0x04, 0x01]));
    let extended_master_secret = extension(23, &[]);
    let extensions = vector16(&[groups, signatures, extended_master_secret].concat());
    let random = [0x12; 32];
    let body = [
        &[3, 3][..],
        &random,
        // No session, and no compression.
        &[0],
        &suites,
        &[1, 0],
        &extensions,
    ]
    .concat();
    let message = [&[1, 0][..], &vector16(&body)].concat();
    [&[22, 3, 1][..], &vector16(&message)].concat()
}

fn extension(number: u8, content: &[u8]) -> Vec<u8> {
    [&[0, number][..], &vector16(content)].concat()
}

/// With its length before it in two bytes.
fn vector16(content: &[u8]) -> Vec<u8> {
    // Everything here is far shorter than that.
    let len = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&len.to_be_bytes(), content].concat()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use ravelin_core::pki_types::UnixTime;
    use ravelin_core::{Connection, Identity, Instant, Now, ServerConfig, Storage, Version};
    use ravelin_tokio::provider;

    use super::*;
    use crate::authority::{Authority, clock};
    use crate::subject::Subject;

    /// The version is all that is wrong with it: a server that allows TLS 1.2 answers it.
    #[test]
    fn a_server_refuses_it_for_its_version_alone() {
        let now = clock(SystemTime::now()).unwrap();
        let ca = Authority::generate(now).unwrap();
        let leaf = ca
            .issue(&Subject::server("localhost").unwrap(), now, 1)
            .unwrap();
        let first_record = |version| {
            let identity =
                Identity::from_pem(leaf.cert_pem.as_bytes(), leaf.key_pem.as_bytes()).unwrap();
            let config = ServerConfig::builder(provider::aws_lc_rs(), identity)
                .min_version(version)
                .build()
                .unwrap();
            let now = Now::new(Instant::default(), UnixTime::now());
            let mut server = Connection::server(&config, now).unwrap();
            drop(server.lend(Storage::with_capacity(4096)));
            let hello = client_hello();
            server.receive_buffer().unwrap()[..hello.len()].copy_from_slice(&hello);
            let outcome = server.handle_received(hello.len(), now);
            (server.transmit().to_vec(), outcome)
        };
        let (answer, outcome) = first_record(Version::Tls12);
        assert_eq!((answer[0], outcome), (22, Ok(())));
        let (answer, outcome) = first_record(Version::Tls13);
        assert_eq!(answer, [21, 3, 3, 0, 2, 2, 70]);
        assert_eq!(outcome.unwrap_err().code(), "E-TLS-06");
    }
}
