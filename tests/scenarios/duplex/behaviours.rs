//! The list. Each behaviour is one function, generic over the column.

mod cancelling;
mod endings;
mod exchange;
mod waiting;

use super::column::Column;
use super::executor::LocalFuture;
use super::world::{BOUNDED, EVERY_BYTE, Scene, TIMED, UNBOUNDED, World};

/// What is played, and where.
pub(crate) struct Behaviour<C> {
    pub(crate) name: &'static str,
    pub(crate) scene: Scene,
    pub(crate) play: fn(World<C>) -> LocalFuture<()>,
}

macro_rules! behaviours {
    ($column:ident: $($scene:ident $module:ident::$name:ident,)*) => {
        vec![$(Behaviour {
            name: stringify!($name),
            scene: $scene,
            play: |world| Box::pin($module::$name::<$column>(world)),
        },)*]
    };
}

pub(crate) fn behaviours<C: Column>() -> Vec<Behaviour<C>> {
    behaviours![C:
        EVERY_BYTE exchange::a_handshake_and_first_bytes,
        EVERY_BYTE exchange::one_task_at_each_end_asks_and_answers,
        EVERY_BYTE exchange::halves_echo_on_two_tasks,
        EVERY_BYTE exchange::one_task_drives_both_directions,
        EVERY_BYTE exchange::both_write_while_both_read,
        BOUNDED exchange::both_write_ten_mebibytes_while_both_read,
        UNBOUNDED exchange::both_write_ten_mebibytes_before_either_reads,
        EVERY_BYTE waiting::keys_are_updated_while_the_writer_is_blocked,
        EVERY_BYTE waiting::a_key_update_by_the_peer_leaves_the_writer_parked,
        EVERY_BYTE waiting::sending_tickets_leaves_the_writer_parked,
        EVERY_BYTE waiting::a_reader_alone_sends_tickets,
        EVERY_BYTE waiting::a_reader_alone_sends_a_key_update,
        EVERY_BYTE waiting::a_reader_waits_while_a_flush_transmits,
        EVERY_BYTE waiting::a_reader_waits_while_the_writer_closes,
        EVERY_BYTE waiting::the_wire_opens_between_two_looks,
        EVERY_BYTE waiting::halves_move_to_other_tasks,
        EVERY_BYTE cancelling::a_cancelled_read_loses_nothing,
        EVERY_BYTE cancelling::a_cancelled_write_loses_nothing,
        EVERY_BYTE cancelling::a_cancelled_flush_and_close_lose_nothing,
        EVERY_BYTE endings::both_close_at_once,
        EVERY_BYTE endings::a_lost_peer_wakes_both_halves,
        EVERY_BYTE endings::a_broken_transport_wakes_both_halves,
        EVERY_BYTE endings::a_forged_record_wakes_both_halves,
        EVERY_BYTE endings::a_refusal_by_the_peer_wakes_both_halves,
        TIMED endings::a_deadline_wakes_a_parked_reader,
        TIMED endings::a_deadline_wakes_both_halves,
    ]
}
