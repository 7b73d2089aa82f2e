"""Speaks to a cluster with the Kubernetes client and what the run has been given.

usage: kubernetes_client.py CA_FILE NAMESPACE

Takes the kubeconfig that KUBE_CONFIG_PATH names, else KUBE_HOST and KUBE_TOKEN; makes NAMESPACE.
"""

import os
import sys

from kubernetes import client, config
from outcome import report


def main(ca_file, namespace):
    configuration = client.Configuration()
    if "KUBE_CONFIG_PATH" in os.environ:
        config.load_kube_config(config_file=os.environ["KUBE_CONFIG_PATH"], client_configuration=configuration)
    else:
        configuration.host = os.environ["KUBE_HOST"]
        configuration.ssl_ca_cert = ca_file
        configuration.api_key["authorization"] = f"Bearer {os.environ['KUBE_TOKEN']}"
    with client.ApiClient(configuration) as api:
        version = client.VersionApi(api).get_code().git_version
        review = client.AuthenticationV1Api(api).create_self_subject_review(client.V1SelfSubjectReview())
        core = client.CoreV1Api(api)
        core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=namespace)))
        names = [item.metadata.name for item in core.list_namespace().items]
    report(version=version, user=review.status.user_info.username, groups=review.status.user_info.groups, names=names)


main(*sys.argv[1:])
