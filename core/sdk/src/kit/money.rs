//! Money at its limits: told as it was ordered, in every currency, to the last digit.

use super::bench::{Bench, Instance};
use super::deed::{for_each_order, is_broken, submit};
use super::{BenchCheck, Verdict};
use crate::{Currency, Money, Order, Outcome};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("money-limits", "amounts at their limits settle as they were ordered, or do not", limits),
    ("money-exact", "the provider is told every amount to the last digit", exact),
];

/// The largest count of minor units that is ordered: 2⁵³ − 1.
const MINOR_MAX: u64 = (1 << 53) - 1;
/// An amount whose digits stand nowhere by chance.
const TELLING: u64 = 1_234_567;

/// Currencies of two, no and three decimals, as far as this rail takes them.
fn currencies(bench: &Bench<'_>) -> Vec<Currency> {
    let taken = bench.manifest.rail.as_ref().map(|facts| facts.currencies.as_slice()).unwrap_or_default();
    let all = ["EUR", "JPY", "KWD"].map(str::to_owned);
    let codes = if taken.is_empty() { &all } else { taken };
    let mut found: Vec<Currency> = codes.iter().filter_map(|code| code.parse().ok()).collect();
    // One of each kind is enough.
    found.sort_by_key(|currency| currency.exponent());
    found.dedup_by_key(|currency| currency.exponent());
    found
}

/// The order over another amount, under a key of its own.
fn of_amount(order: &Order, minor: u64, currency: Currency) -> Result<Order, String> {
    let amount = Money::new(minor, currency).map_err(|error| error.to_string())?;
    let key = format!("kit-{}-{minor}", currency.code().to_ascii_lowercase());
    Ok(Order { key, amount, ..order.clone() })
}

/// An order that its author chose so that nobody is asked stays as it is.
fn is_fixed(bench: &Bench<'_>, order: &Order) -> Result<bool, String> {
    if bench.options.orders.is_empty() {
        return Ok(false);
    }
    let instance = bench.opened(&bench.host())?;
    instance.host.forget();
    let _ = submit(&instance, order);
    Ok(!instance.asked_anything())
}

/// Submits, and gives the instance back to be looked at.
fn submitted(bench: &Bench<'_>, order: &Order) -> Result<Instance, String> {
    let instance = bench.opened(&bench.host())?;
    instance.host.forget();
    match submit(&instance, order) {
        Err(failure) if is_broken(&failure) => Err(format!("{}: {failure}", order.amount)),
        Ok(Outcome::Settled { amount, .. })
            if amount.currency() != order.amount.currency() || amount.minor() > order.amount.minor() =>
        {
            Err(format!("{} was ordered, and {amount} settled", order.amount))
        }
        _ => Ok(instance),
    }
}

fn limits(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, "no order asks for anything", |order| {
        if is_fixed(bench, order)? {
            return Ok(false);
        }
        for currency in currencies(bench) {
            for minor in [1, 99, 100, TELLING, MINOR_MAX] {
                submitted(bench, &of_amount(order, minor, currency)?)?;
            }
        }
        Ok(true)
    })
}

/// How amounts are written in what the provider is told.
#[derive(Clone, Copy)]
enum Notation {
    Minor,
    Decimal,
}

/// The numbers that stand in a text.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|number| number.trim_matches('.'))
}

/// The same number, however many zeros stand around it.
fn bare(number: &str) -> &str {
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    number.trim_start_matches('0')
}

fn tells(text: &str, amount: Money, notation: Notation) -> bool {
    let wanted = match notation {
        Notation::Minor => amount.minor().to_string(),
        Notation::Decimal => amount.decimal(),
    };
    numbers(text).any(|number| bare(number) == bare(&wanted))
}

fn exact(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, "no amount is seen in what the provider is told", |order| {
        if is_fixed(bench, order)? {
            return Ok(false);
        }
        let currencies = currencies(bench);
        // How this protocol writes amounts is learnt from a plain one.
        let Some(usual) = currencies.iter().max_by_key(|currency| currency.exponent() == 2) else {
            return Ok(false);
        };
        let plain = of_amount(order, TELLING, *usual)?;
        let told = submitted(bench, &plain)?.told_provider();
        let Some(notation) =
            [Notation::Decimal, Notation::Minor].into_iter().find(|notation| tells(&told, plain.amount, *notation))
        else {
            return Ok(false);
        };
        for currency in currencies {
            for minor in [TELLING, MINOR_MAX] {
                let order = of_amount(order, minor, currency)?;
                let instance = submitted(bench, &order)?;
                let told = instance.told_provider();
                // What is declined before anybody is asked is told to nobody.
                if !instance.changing_requests().is_empty() && !tells(&told, order.amount, notation) {
                    return Err(format!("{} was ordered, and that is not what the provider was told", order.amount));
                }
            }
        }
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_found_as_it_is_written() {
        let check = |text: &str, minor: u64, currency: &str, notation: Notation, expected: bool| {
            let amount = Money::new(minor, currency.parse().unwrap()).unwrap();
            assert_eq!(tells(text, amount, notation), expected, "{text} {amount}");
        };
        check(r#"{"amount":"12345.67"}"#, TELLING, "EUR", Notation::Decimal, true);
        check(r#"{"amount":"12345.670"}"#, TELLING, "EUR", Notation::Decimal, true);
        check(r#"{"amount":1234567}"#, TELLING, "EUR", Notation::Decimal, false);
        check("000001234567978", TELLING, "EUR", Notation::Minor, false);
        check("4 000001234567 978", TELLING, "EUR", Notation::Minor, true);
        check("amount=1234567", TELLING, "JPY", Notation::Decimal, true);
        check("amount=1234567.00", TELLING, "JPY", Notation::Decimal, true);
        check("amount=12345.67", TELLING, "JPY", Notation::Decimal, false);
        check("<Amt>1234.567</Amt>", TELLING, "KWD", Notation::Decimal, true);
        check("<Amt>90071992547409.91</Amt>", MINOR_MAX, "EUR", Notation::Decimal, true);
        check("<Amt>90071992547409.9</Amt>", MINOR_MAX, "EUR", Notation::Decimal, false);
    }
}
