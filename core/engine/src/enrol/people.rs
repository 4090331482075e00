//! Who a payment's people are: those whom the operator knows, and strangers.

use sportello_model::grammar::Language;
use sportello_model::payment::Side;
use sportello_model::{Handle, Intent, Person};

use crate::engine::Engine;
use crate::store::StoreError;

impl Engine {
    /// Whether people are asked for an account.
    pub(crate) fn enrols(&self) -> bool {
        self.1.setup.policy.enrolment && self.1.setup.public_url.is_some()
    }

    /// Whether one of the channels carries this handle.
    pub(crate) fn is_carried(&self, handle: &Handle) -> bool {
        !handle.is_name() && self.1.setup.channels.iter().any(|channel| channel.carries(handle))
    }

    /// Whether anything is asked of whoever has this handle: of a stranger only where strangers take part.
    pub(crate) fn takes_part(&self, handle: &Handle) -> bool {
        self.1.directory.profile(handle).is_some() || (self.enrols() && self.is_carried(handle))
    }

    /// The person behind a handle, for a payment to freeze: with the account that the operator wrote down, or one that they
    /// gave before. A stranger is called as they were written, and is pinned by the handle. Nothing where they could not
    /// take part.
    pub(crate) async fn person(
        &self,
        handle: &Handle,
        side: Side,
        called: Option<&Handle>,
        language: Language,
    ) -> Result<Option<Person>, StoreError> {
        let person = match self.1.directory.person(handle) {
            Some(person) => person,
            None if self.takes_part(handle) => Person {
                name: called.unwrap_or(handle).rest().to_owned(),
                handle: handle.clone(),
                account: None,
                country: None,
                language: language.code().into(),
            },
            None => return Ok(None),
        };
        if person.account.is_some() || !self.enrols() {
            return Ok(Some(person).filter(|person| person.account.is_some()));
        }
        let account = self.kept(&person.handle, side).await?;
        Ok(Some(Person { account, ..person }))
    }

    /// Who has to be asked for an account; nothing where one of them could not give any.
    pub(crate) fn missing(&self, intent: &Intent) -> Option<Vec<Side>> {
        let sides = [Side::Payer, Side::Payee].into_iter();
        let missing: Vec<Side> = sides.filter(|side| intent.person(*side).account.is_none()).collect();
        let can_give = |side: &Side| {
            self.is_carried(&intent.person(*side).handle) && !self.enrolment_ways(intent, *side).is_empty()
        };
        missing.iter().all(can_give).then_some(missing)
    }

    /// Whether two people are one.
    pub(crate) fn are_one(&self, payer: &Person, payee: &Person) -> bool {
        let is_same_account = payer.account.is_some() && payer.account == payee.account;
        is_same_account || self.1.directory.handles(&payer.handle).contains(&payee.handle)
    }
}
