//! A program that looks like Terraform and does as the run's variables tell it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// `FAKE` is what to do while planning or applying; files in the home directory are how a test talks to it.
const SCRIPT: &str = r##"#!/bin/sh
command=$1
for argument in "$@"; do
    case $argument in -out=*) out=${argument#-out=} ;; esac
done
state=$HOME/state/terraform.tfstate
write_state() { printf '{"version":4,"serial":%s,"lineage":"l","outputs":{}}' "$1" > "$state"; }
wait_for() { while [ ! -e "$HOME/$1" ]; do sleep 0.02; done; }
act() {
    case $FAKE in
    leak) printf 'begin %s' "${SECRET%??????}"; sleep 0.3; printf '%s end\n' "${SECRET#${SECRET%??????}}" ;;
    env) env | sort ;;
    exec) eval "$SCRIPT" ;;
    gate) echo "at the gate"; wait_for gate ;;
    hang) trap 'echo interrupted; exit 1' INT; echo hanging; while :; do sleep 0.02; done ;;
    stubborn)
        trap '' INT
        sh -c 'trap "" INT; echo $$ > "$HOME/grandchild"; while :; do sleep 0.05; done' &
        echo stubborn
        while :; do sleep 0.02; done ;;
    fail) echo 'Error: it failed' >&2; exit 1 ;;
    esac
}
case $command in
version) echo '{"terraform_version":"1.11.4","platform":"linux_amd64"}' ;;
init)
    echo "init output"
    [ "$FAKE" = badinit ] && { echo "Error: no init" >&2; exit 1; }
    [ -e .terraform.lock.hcl ] || echo '# locked' > .terraform.lock.hcl ;;
plan)
    act
    echo saved > "$out"
    cat "$HOME"/config/*.tfvars 2>/dev/null
    echo 'Plan: 1 to add, 0 to change, 0 to destroy.' ;;
show)
    echo '{"format_version":"1.2","resource_changes":[{"address":"a.b","mode":"managed","type":"a","provider_name":"p",
    "change":{"actions":["create"],"before":null,"after":{"k":"hidden-value"},"before_sensitive":false,"after_sensitive":{"k":true}}}]}' ;;
providers) echo '{"format_version":"1.0","provider_schemas":{"p":{"provider":{},"resource_schemas":{"a":{"x":1},"b":{"x":2}}}}}' ;;
apply)
    write_state 1
    [ "$FAKE" = half ] && printf '{"version":4,"ser' > "$state"
    act
    write_state 2
    echo "applied $(cat "$HOME/plan.tfplan") $(cat .terraform.lock.hcl)"
    echo 'Apply complete! Resources: 1 added, 0 changed, 0 destroyed.' ;;
esac
"##;

/// Writes the program.
pub(crate) fn install(path: &Path) {
    fs::write(path, SCRIPT).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
