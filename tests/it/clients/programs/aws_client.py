"""Reads and writes objects with boto3 and the AWS_ variables of the run.

usage: aws_client.py BUCKET SOURCE TARGET

Copies the object SOURCE to TARGET, waits until the run has a new identity token, and reads TARGET with a session of its
own, which must assume the role again.
"""

import os
import sys

import boto3
from botocore.config import Config
from outcome import report, wait_until_replaced


def main(bucket, source, target):
    first = s3()
    body = first.get_object(Bucket=bucket, Key=source)["Body"].read()
    first.put_object(Bucket=bucket, Key=target, Body=body)
    wait_until_replaced(os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"])
    again = s3().get_object(Bucket=bucket, Key=target)["Body"].read()
    report(method=boto3.Session().get_credentials().method, copied=again == body)


def s3():
    return boto3.Session().client("s3", config=Config(s3={"addressing_style": "path"}))


main(*sys.argv[1:])
