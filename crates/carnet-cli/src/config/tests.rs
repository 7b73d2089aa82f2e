use super::*;
use crate::cli::DatabaseOptions;

#[test]
fn an_unknown_key_of_the_file_is_refused_by_name() {
    let folder = std::env::temp_dir().join(format!("carnet-config-{}", std::process::id()));
    std::fs::write(&folder, "data = \"d\"\nlisen = \"127.0.0.1:1\"\n").expect("written");
    let error = format!("{:#}", server(Some(&folder), Box::default()).expect_err("refused"));
    std::fs::remove_file(&folder).expect("removed");
    assert!(error.contains("lisen"), "{error}");
}

#[test]
fn a_flag_beats_the_default() {
    let options = ServerOptions {
        plan_timeout: Some("90m".into()),
        tls: Some("a.pem+b.pem".into()),
        ..Default::default()
    };
    let config = server(None, Box::new(options)).expect("valid");
    assert_eq!(config.plan_timeout, Duration::from_secs(90 * 60));
    assert_eq!(config.tls, TlsMode::Files { certificate: "a.pem".into(), key: "b.pem".into() });
    assert!(config.has_agent);
}

#[test]
fn keys_are_rotated_by_themselves_unless_they_are_published_elsewhere() {
    let period = |rotation: Option<&str>, issuer: Option<&str>| {
        let options = ServerOptions {
            url: Some("https://carnet.example.org".into()),
            key_rotation: rotation.map(str::to_owned),
            issuer_url: issuer.map(str::to_owned),
            ..Default::default()
        };
        server(None, Box::new(options))
            .map(|config| config.key_rotation.period.map(|period| period.as_secs()))
    };
    let month = Some(30 * 24 * 3600);
    assert_eq!(period(None, None).expect("valid"), month);
    assert_eq!(period(None, Some("https://carnet.example.org")).expect("valid"), month);
    assert_eq!(period(None, Some("https://keys.example.org")).expect("valid"), None);
    assert_eq!(period(Some("30d"), Some("https://keys.example.org")).expect("valid"), month);
    assert_eq!(period(Some("off"), None).expect("valid"), None);
    assert!(period(Some("soon"), None).is_err());
    assert!(period(Some("10ms"), None).is_err());
}

#[test]
fn what_is_printed_is_a_file_that_says_the_same() {
    let config = server(None, Box::default()).expect("valid");
    let file: File = toml::from_str(&text(&config)).expect("a file");
    assert_eq!(file.plan_timeout.as_deref(), Some("7200s"));
    assert_eq!(file.url.as_deref(), Some("https://127.0.0.1:8443"));
    assert_eq!(file.no_agent, Some(false));
    assert!(check(&config).is_ok());
}

#[test]
fn a_check_finds_what_the_start_would_refuse() {
    for options in [
        ServerOptions { listen: "0.0.0.0:1".parse().ok(), ..Default::default() },
        ServerOptions { ca_file: Some("nowhere.pem".into()), ..Default::default() },
        ServerOptions { adapters: Some("nowhere".into()), ..Default::default() },
        ServerOptions { allow_provider_hosts: vec!["a host".into()], ..Default::default() },
        ServerOptions { url: Some("http://carnet.example.org".into()), ..Default::default() },
    ] {
        assert!(check(&server(None, Box::new(options)).expect("valid")).is_err());
    }
}

#[test]
fn the_address_of_a_database_is_never_repeated() {
    let options = |text: &str| {
        let database = DatabaseOptions { database: Some(text.into()), ..Default::default() };
        Box::new(ServerOptions { database, ..Default::default() })
    };
    let config = server(None, options("postgres://carnet:hunter2@db:5432/carnet")).expect("valid");
    let text = text(&config);
    assert!(text.contains("# database = \"postgres://db:5432/carnet\""), "{text}");
    assert!(!format!("{text}{config:?}").contains("hunter2"));
    let error = server(None, options("postgre://carnet:hunter2@db:5432/carnet")).expect_err("refused");
    assert!(!format!("{error:#}").contains("hunter2"));
}

#[test]
fn nonsense_is_refused() {
    for options in [
        ServerOptions { tls: Some("maybe".into()), ..Default::default() },
        ServerOptions { url: Some("carnet".into()), ..Default::default() },
        ServerOptions { url: Some("https://carnet.example.org/path".into()), ..Default::default() },
        ServerOptions { sandbox: Some("sometimes".into()), ..Default::default() },
        ServerOptions { plan_timeout: Some("soon".into()), ..Default::default() },
        ServerOptions { concurrency: Some(0), ..Default::default() },
        ServerOptions { jwks_max_age: Some("1500ms".into()), ..Default::default() },
        ServerOptions { key_leeway: Some("-1s".into()), ..Default::default() },
    ] {
        assert!(server(None, Box::new(options)).is_err());
    }
}
