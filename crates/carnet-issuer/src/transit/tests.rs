use super::*;

#[test]
fn a_path_has_a_mount_and_a_name_and_nothing_that_could_lead_elsewhere() {
    let path: KeyPath = "secrets/transit/carnet-1.a_b".parse().expect("a path");
    assert_eq!((path.mount.as_str(), path.name.as_str()), ("secrets/transit", "carnet-1.a_b"));
    assert_eq!(path.reference().as_str(), "transit:secrets/transit/carnet-1.a_b");
    for text in
        ["", "carnet", "/carnet", "transit/", "a//b", "../sys/x", "transit/a b", "transit/a?b", "transit/a#1"]
    {
        assert!(text.parse::<KeyPath>().is_err(), "{text}");
    }
}
