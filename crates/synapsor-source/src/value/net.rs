//! How are network addresses read and written?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use synapsor_protocol::Scalar;

use crate::error::ValueError;

/// An address with the length of its network, `192.168.0.1/24`; a host's own length is left out unless it is a network.
pub(super) fn inet(text: &str, network: bool) -> Result<Scalar, ValueError> {
    const INET: ValueError = ValueError::Malformed { expected: "an address, 192.168.0.1/24" };
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().map_err(|_| INET)?;
    let whole: u32 = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Ok(whole), |length| decimal(length).filter(|length| *length <= whole).ok_or(INET))?;
    if network && has_host_bits(address, length) {
        return Err(ValueError::Malformed { expected: "a network without host bits, 192.168.0.0/24" });
    }
    let suffix = if network || length < whole { format!("/{length}") } else { String::new() };
    Ok(format!("{address}{suffix}").into())
}

/// An address alone, of one family.
pub(super) fn address(text: &str, v6: bool) -> Result<Scalar, ValueError> {
    let parsed = if v6 { text.parse().map(IpAddr::V6) } else { text.parse().map(IpAddr::V4) };
    let expected = if v6 { "an address, 2001:db8::1" } else { "an address, 192.168.0.1" };
    parsed.map(|address| address.to_string().into()).map_err(|_| ValueError::Malformed { expected })
}

/// The address of a network card, `08:00:2b:01:02:03`.
pub(super) fn mac(text: &str, bytes: u8) -> Result<Scalar, ValueError> {
    const MAC: ValueError = ValueError::Malformed { expected: "an address, 08:00:2b:01:02:03" };
    let separator = if text.contains('-') { '-' } else { ':' };
    let pairs: Vec<&str> = text.split(separator).collect();
    let hex = |pair: &&str| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
    if pairs.len() != usize::from(bytes) || !pairs.iter().all(hex) {
        return Err(MAC);
    }
    Ok(pairs.join(":").to_ascii_lowercase().into())
}

fn has_host_bits(address: IpAddr, length: u32) -> bool {
    match address {
        IpAddr::V4(address) => address != Ipv4Addr::from(u32::from(address) & u32::MAX.checked_shl(32 - length).unwrap_or(0)),
        IpAddr::V6(address) => address != Ipv6Addr::from(u128::from(address) & u128::MAX.checked_shl(128 - length).unwrap_or(0)),
    }
}

fn decimal(digits: &str) -> Option<u32> {
    let plain = digits == "0" || !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::super::ValueKind;
    use super::super::tests::check;

    #[test]
    fn addresses_have_one_spelling() {
        insta::assert_snapshot!(check(&ValueKind::Inet { network: false }, &["\"192.168.0.1\"", "\"192.168.0.1/32\"", "\"192.168.0.1/24\"", "\"2001:DB8::0:1\"", "\"::ffff:1.2.3.4/128\"", "\"10.1\"", "\"192.168.0.1/33\"", "\"192.168.0.1/+8\"", "\"192.168.0.01\"", "\"fe80::1%eth0\"", "\"\""]), @r#"
        "192.168.0.1" => "192.168.0.1"
        "192.168.0.1/32" => "192.168.0.1"
        "192.168.0.1/24" => "192.168.0.1/24"
        "2001:DB8::0:1" => "2001:db8::1"
        "::ffff:1.2.3.4/128" => "::ffff:1.2.3.4"
        "10.1" => refused: expected an address, 192.168.0.1/24
        "192.168.0.1/33" => refused: expected an address, 192.168.0.1/24
        "192.168.0.1/+8" => refused: expected an address, 192.168.0.1/24
        "192.168.0.01" => refused: expected an address, 192.168.0.1/24
        "fe80::1%eth0" => refused: expected an address, 192.168.0.1/24
        "" => refused: expected an address, 192.168.0.1/24
        "#);
        insta::assert_snapshot!(check(&ValueKind::Inet { network: true }, &["\"10.0.0.0/8\"", "\"10.0.0.1\"", "\"10.1.0.0/8\"", "\"0.0.0.0/0\"", "\"2001:db8::/32\"", "\"2001:db8::1/32\"", "\"::/0\""]), @r#"
        "10.0.0.0/8" => "10.0.0.0/8"
        "10.0.0.1" => "10.0.0.1/32"
        "10.1.0.0/8" => refused: expected a network without host bits, 192.168.0.0/24
        "0.0.0.0/0" => "0.0.0.0/0"
        "2001:db8::/32" => "2001:db8::/32"
        "2001:db8::1/32" => refused: expected a network without host bits, 192.168.0.0/24
        "::/0" => "::/0"
        "#);
        insta::assert_snapshot!(check(&ValueKind::Address { v6: true }, &["\"2001:DB8::1\"", "\"1.2.3.4\"", "\"::ffff:1.2.3.4\"", "\"::1/128\""]), @r#"
        "2001:DB8::1" => "2001:db8::1"
        "1.2.3.4" => refused: expected an address, 2001:db8::1
        "::ffff:1.2.3.4" => "::ffff:1.2.3.4"
        "::1/128" => refused: expected an address, 2001:db8::1
        "#);
        insta::assert_snapshot!(check(&ValueKind::Address { v6: false }, &["\"1.2.3.4\"", "\"1.2.3\"", "\"::1\""]), @r#"
        "1.2.3.4" => "1.2.3.4"
        "1.2.3" => refused: expected an address, 192.168.0.1
        "::1" => refused: expected an address, 192.168.0.1
        "#);
        insta::assert_snapshot!(check(&ValueKind::Mac { bytes: 6 }, &["\"08:00:2B:01:02:03\"", "\"08-00-2b-01-02-03\"", "\"08002b010203\"", "\"08:00:2b:01:02:03:04:05\"", "\"08:00-2b:01:02:03\""]), @r#"
        "08:00:2B:01:02:03" => "08:00:2b:01:02:03"
        "08-00-2b-01-02-03" => "08:00:2b:01:02:03"
        "08002b010203" => refused: expected an address, 08:00:2b:01:02:03
        "08:00:2b:01:02:03:04:05" => refused: expected an address, 08:00:2b:01:02:03
        "08:00-2b:01:02:03" => refused: expected an address, 08:00:2b:01:02:03
        "#);
    }
}
