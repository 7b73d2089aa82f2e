"""Writes objects, where Terraform's AWS provider cannot be had."""

import itertools
import sys
import time

import boto3
from botocore.config import Config
from steady import use_throughout

bucket, every = sys.argv[2], float(sys.argv[3])
s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
places = itertools.count()


def write():
    place = next(places)
    s3.put_object(Bucket=bucket, Key=f"use-{place:03}.txt", Body=str(place).encode())
    time.sleep(every)


use_throughout("aws", float(sys.argv[1]), write)
