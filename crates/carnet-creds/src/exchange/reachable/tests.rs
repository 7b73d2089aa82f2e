//! What adapters may reach, and what they may not, however it is written.

use super::*;

fn allowed(hosts: &[&str]) -> AllowedHosts {
    AllowedHosts::parse(hosts.iter().copied()).expect("are hosts")
}

#[track_caller]
fn check_forbidden(address: &str, expected: bool) {
    assert_eq!(is_forbidden(address.parse().expect("is an address")), expected, "{address}");
}

#[test]
fn addresses_of_this_machine_and_its_link_are_forbidden() {
    for address in [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "169.254.170.2",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "::",
        "::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    ] {
        check_forbidden(address, true);
    }
}

#[test]
fn an_ipv4_address_is_found_inside_of_an_ipv6_one() {
    for address in [
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
    ] {
        check_forbidden(address, true);
    }
    for address in ["::ffff:192.0.2.1", "64:ff9b::192.0.2.1", "2002:c000:201::1"] {
        check_forbidden(address, false);
    }
}

#[test]
fn other_addresses_are_free() {
    // Private networks too: providers that people host themselves lie there.
    for address in
        ["192.0.2.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "2001:db8::1", "fd12::1"]
    {
        check_forbidden(address, false);
    }
}

#[track_caller]
fn check_url(url: &str, hosts: &[&str], expected: Result<Reach, &str>) {
    let found = check(url, &allowed(hosts)).map(|(_, reach)| reach).map_err(|error| error.to_string());
    match (found, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{url}"),
        (Err(found), Err(expected)) => assert!(found.contains(expected), "{url}: {found}"),
        (found, expected) => panic!("{url}: {found:?} instead of {expected:?}"),
    }
}

#[test]
fn literal_addresses_are_checked_however_they_are_written() {
    for url in [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://%31%32%37.0.0.1/",
        "https://①②⑦.0.0.1/",
        "https://0/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1]:8443/",
        "https://[fd00:ec2::254]/latest/api/token",
        "https://169.254.169.254/latest/meta-data/",
    ] {
        check_url(url, &[], Err("not allowed"));
    }
    check_url("https://192.0.2.1/", &[], Ok(Reach::Filtered));
    check_url("https://[2001:db8::1]/", &[], Ok(Reach::Filtered));
    check_url("https://sts.example/", &[], Ok(Reach::Filtered));
}

#[test]
fn only_https_without_a_user() {
    check_url("http://sts.example/", &[], Err("only https"));
    check_url("https://user@sts.example/", &[], Err("user"));
    check_url("https://:password@sts.example/", &["sts.example"], Err("user"));
    check_url("ftp://sts.example/", &["sts.example"], Err("neither https nor http"));
    check_url("file:///etc/passwd", &[], Err("no host"));
    check_url("data:,x", &[], Err("no host"));
    check_url("sts.example", &[], Err("no address"));
    check_url("https://", &[], Err("no address"));
}

#[test]
fn the_operator_allows_hosts_and_ports() {
    check_url("http://127.0.0.1:8200/", &["127.0.0.1:8200"], Ok(Reach::Anywhere));
    check_url("http://127.1:8200/", &["127.0.0.1:8200"], Ok(Reach::Anywhere));
    check_url("http://127.0.0.1:8201/", &["127.0.0.1:8200"], Err("only https"));
    check_url("https://127.0.0.1:8201/", &["127.0.0.1:8200"], Err("not allowed"));
    check_url("https://127.0.0.1/", &["127.0.0.1"], Ok(Reach::Anywhere));
    check_url("https://localhost/", &["LocalHost."], Ok(Reach::Anywhere));
    check_url("https://LOCALHOST./", &["localhost:443"], Ok(Reach::Anywhere));
    check_url("http://localhost/", &["localhost:443"], Err("only https"));
    check_url("https://[::1]:99/", &["[::1]:99"], Ok(Reach::Anywhere));
    check_url("https://[0:0:0::1]/", &["[::1]"], Ok(Reach::Anywhere));
    check_url("https://sub.internal.example/", &["internal.example"], Ok(Reach::Filtered));
    check_url("https://127.0.0.2/", &["127.0.0.1"], Err("not allowed"));
}

#[test]
fn what_is_no_host_is_refused() {
    for text in ["", "https://a", "a/b", "a b", "a:b", "a:99999", "::1", "a@b", "a?b", "*", "[::1", ":443"] {
        assert!(AllowedHosts::parse([text]).is_err(), "{text}");
    }
}

async fn resolved(found: &'static [&'static str]) -> Result<Vec<String>, String> {
    let addresses: Vec<SocketAddr> =
        found.iter().map(|address| SocketAddr::new(address.parse().expect("is one"), 0)).collect();
    let resolver = FilteringResolver::new(Arc::new(move |_| {
        let addresses = addresses.clone();
        Box::pin(async move { Ok(addresses) })
    }));
    let name = "rebound.example".parse().expect("is a name");
    let found = resolver.resolve(name).await.map_err(|error| error.to_string())?;
    Ok(found.map(|address| address.ip().to_string()).collect())
}

#[tokio::test]
async fn a_name_leads_to_nothing_that_is_forbidden() {
    let error = resolved(&["127.0.0.1"]).await.expect_err("is refused");
    assert!(error.contains("rebound.example (127.0.0.1)"), "{error}");
    resolved(&["169.254.169.254", "fd00:ec2::254", "::ffff:127.0.0.1"]).await.expect_err("is refused");
    let mixed = resolved(&["127.0.0.1", "192.0.2.1", "::1", "2001:db8::1"]).await;
    assert_eq!(mixed, Ok(vec!["192.0.2.1".to_owned(), "2001:db8::1".to_owned()]));
    assert_eq!(resolved(&[]).await, Ok(Vec::new()));
}
