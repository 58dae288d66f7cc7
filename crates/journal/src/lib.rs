//! How a change survives: the state machine of an operation.
//!
//! An [`Operation`] is a plan and how far it has come. [`advance`] takes what happened and answers what to do
//! next; it touches nothing. Those who carry it out persist the operation first when told to ([`Persist`]), then
//! run the [`Action`]s, then come back with an [`Event`] for each.
//!
//! Rules that hold, whatever happens in between:
//! * The operation is durable before its first action.
//! * What may have been touched and is not known is looked at before anything else is done there.
//! * On a failure the operation goes back through what it touched, last stage first; from the plan's point of no
//!   return on it only goes forward. That it passed this point is durable before it acts there.
//! * What is to be removed and is on a node that is away does not hold it up: that is left to a [`remainder`], an
//!   operation of its own, which waits for the node. Never so what may hold somebody's data: bricks that a volume uses.
//! * It ends done or undone; where neither can be reached it stands at *needs attention* with the reason, and can be
//!   taken up again any number of times.
//!
//! This room does not know commands, nodes' answers, clocks or stores.

mod advance;
mod ended;
mod operation;
mod policy;
mod remainder;

pub use advance::{Action, Advance, Event, Persist, advance};
pub use ended::{Ended, Outcome, StageEnded, StepEnded, StepsEnded};
pub use operation::{Direction, Mark, Operation, Phase, StepState};
pub use policy::Policy;
pub use remainder::remainder;
