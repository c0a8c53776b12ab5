//! One list of behaviours, run on every adapter over real sockets and in-memory pipes.
//!
//! An adapter counts as one when the whole list ran on it. Each test prints the names of what ran, sorted, and another
//! compares the three lists.

pub(crate) mod adapter;
mod connecting;
mod injected;
mod listening;
mod pipe;
mod streams;
pub(crate) mod tls;

use std::panic::catch_unwind;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use adapter::{Adapter, AsyncStd, BoxFuture, Smol, Tokio, within};

/// A behaviour that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

macro_rules! behaviours {
    ($adapter:ident: $($module:ident::$name:ident,)*) => {
        [$((stringify!($name), (|| Box::pin($module::$name::<$adapter>())) as fn() -> BoxFuture<()>),)*]
    };
}

fn run<A: Adapter>() -> Vec<&'static str> {
    let behaviours = behaviours![A:
        streams::bytes_are_echoed_both_ways,
        streams::halves_work_on_two_tasks,
        streams::halves_of_one_stream_reunite,
        streams::half_close_leaves_reading_open,
        streams::closing_ends_the_direction_of_the_socket,
        streams::closing_twice_is_closing_once,
        streams::closing_after_the_peer_is_gone_succeeds,
        streams::writing_after_closing_is_a_broken_pipe,
        streams::writing_after_the_peer_closed_goes_on,
        streams::writing_to_a_peer_that_is_gone_fails,
        streams::truncation_is_an_unexpected_end,
        streams::truncation_may_be_allowed,
        streams::a_stream_that_takes_nothing_is_write_zero,
        streams::slices_share_one_record,
        streams::a_flush_reaches_the_peer,
        streams::a_cancelled_read_loses_nothing,
        streams::a_cancelled_write_loses_nothing,
        streams::plaintext_is_lent_and_consumed,
        streams::taking_it_apart_leaves_the_unread,
        streams::sockets_send_small_records_at_once,
        streams::keys_are_updated_on_request,
        streams::events_and_peer_are_shown,
        streams::an_idle_deadline_moves_with_every_byte,
        streams::an_earlier_deadline_replaces_a_later_one,
        connecting::every_address_is_tried_in_order,
        connecting::an_address_that_swallows_packets_leaves_time_for_the_next,
        connecting::nothing_reachable_names_every_address,
        connecting::a_host_without_addresses_is_said_so,
        connecting::what_is_no_host_name_is_refused,
        connecting::address_literals_are_names,
        connecting::a_wrong_name_is_refused_with_its_code,
        connecting::a_client_that_is_refused_reads_why,
        connecting::a_refused_peer_has_a_second_to_read_why,
        listening::a_stalled_handshake_holds_up_nobody,
        listening::too_many_connections_are_closed_until_one_ends,
        listening::too_many_of_one_address_are_closed_until_one_ends,
        listening::handshakes_beyond_the_limit_wait,
        listening::a_connection_counts_until_both_halves_are_gone,
        listening::accept_errors_back_off,
        listening::draining_waits_for_connections,
        listening::draining_ends_when_patience_does,
        listening::serving_stops_when_told,
    ];
    let mut ran = Vec::new();
    let mut failed = Vec::new();
    for (name, behaviour) in behaviours {
        let run = || A::block_on(within::<A, _>(PATIENCE, behaviour()));
        match catch_unwind(run) {
            Ok(Some(())) => ran.push(name),
            Ok(None) => failed.push(format!("{name} hangs")),
            Err(_) => failed.push(format!("{name} fails")),
        }
    }
    assert!(failed.is_empty(), "on {}: {failed:#?}", A::NAME);
    ran.sort_unstable();
    for name in &ran {
        println!("{}: {name}", A::NAME);
    }
    ran
}

/// Runs the list once, however many tests ask.
fn ran_on_tokio() -> &'static [&'static str] {
    static RAN: OnceLock<Vec<&str>> = OnceLock::new();
    RAN.get_or_init(run::<Tokio>)
}

fn ran_on_smol() -> &'static [&'static str] {
    static RAN: OnceLock<Vec<&str>> = OnceLock::new();
    RAN.get_or_init(run::<Smol>)
}

fn ran_on_async_std() -> &'static [&'static str] {
    static RAN: OnceLock<Vec<&str>> = OnceLock::new();
    RAN.get_or_init(run::<AsyncStd>)
}

#[test]
fn tokio_behaves() {
    assert!(!ran_on_tokio().is_empty());
}

#[test]
fn smol_behaves() {
    assert!(!ran_on_smol().is_empty());
}

#[test]
fn async_std_behaves() {
    assert!(!ran_on_async_std().is_empty());
}

#[test]
fn every_adapter_ran_the_same_behaviours() {
    assert_eq!(ran_on_tokio(), ran_on_smol());
    assert_eq!(ran_on_tokio(), ran_on_async_std());
}

/// Where a program pauses tokio's clock, deadlines pass on that clock.
#[test]
fn a_paused_clock_of_tokio_is_the_clock() {
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (near, _silent) = pipe::Pipe::pair(1 << 16);
    let begun = Instant::now();
    let client = streams::ends().0.build().unwrap();
    let error = executor
        .block_on(Tokio::connect_pipe(&client, near))
        .unwrap_err();
    assert_eq!(ravelin_tokio::code(&error), Some("E-TIM-01"));
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "10 s were waited for"
    );
}

#[cfg(unix)]
#[test]
fn a_stream_shows_its_descriptor() {
    use std::os::fd::{AsFd, AsRawFd};

    fn shows<T: AsFd + AsRawFd>() {}
    shows::<ravelin_tokio::TlsStream<tokio::net::TcpStream>>();
    shows::<ravelin_smol::TlsStream<smol::net::TcpStream>>();
    shows::<ravelin_async_std::TlsStream<ravelin_async_std::TcpStream>>();
}

#[test]
fn streams_may_move_between_threads() {
    fn moves<T: Send + Sync + Unpin + 'static>() {}
    moves::<ravelin_tokio::TlsStream<tokio::net::TcpStream>>();
    moves::<ravelin_tokio::OwnedReadHalf<tokio::net::TcpStream>>();
    moves::<ravelin_tokio::OwnedWriteHalf<tokio::net::TcpStream>>();
    moves::<ravelin_tokio::Accepting<tokio::net::TcpStream>>();
    moves::<ravelin_tokio::Listener>();
    moves::<ravelin_smol::TlsStream<smol::net::TcpStream>>();
    moves::<ravelin_smol::Accepting<smol::net::TcpStream>>();
    moves::<ravelin_smol::Listener>();
    moves::<ravelin_async_std::TlsStream<async_std::net::TcpStream>>();
    moves::<ravelin_async_std::Accepting<async_std::net::TcpStream>>();
    moves::<ravelin_async_std::Listener>();
}
