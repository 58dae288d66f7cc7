//! How a change survives: the state machine of an operation.
//!
//! An [`Operation`] is a plan together with its progress. [`advance`] takes what happened and says what to do next; it
//! touches nothing itself. The caller first persists the operation when told to ([`Persist`]), then runs the
//! [`Action`]s, and then reports an [`Event`] for each.
//!
//! Rules that hold, whatever happens in between:
//! * The operation is durable before its first action.
//! * Anything that may have been touched and whose state is not known is looked at before anything else is done there.
//! * On a failure the operation undoes what it touched, last stage first; after the plan's point of no return it only
//!   goes forward. It is durable that the operation passed this point before it acts there.
//! * Removing something from a node that is away does not hold the operation up: that is left to a [`remainder`], an
//!   operation of its own, which waits for the node. This is never done with what may hold somebody's data: bricks that
//!   a volume uses.
//! * An operation ends done or undone; if it can reach neither, it stays at *needs attention* with the reason, and can
//!   be retried any number of times.
//!
//! This room does not know commands, nodes' answers, clocks or stores.

mod advance;
mod ended;
mod operation;
mod policy;
mod remainder;

pub use advance::{Action, Advance, CANCELLED, Event, Persist, advance};
pub use ended::{Ended, Outcome, StageEnded, StepEnded, StepsEnded};
pub use operation::{Direction, Mark, Operation, Phase, StepState};
pub use policy::Policy;
pub use remainder::remainder;
