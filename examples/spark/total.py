"""A PySpark script that runs anywhere: it takes whatever Spark it is submitted to."""

import sys
from pathlib import Path

from azureml.core import Run
from pyspark.sql import SparkSession

run = Run.get_context()
spark = SparkSession.builder.getOrCreate()
limit = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
total = spark.range(limit).selectExpr("sum(id)").first()[0]
run.log("total", total)
print(f"The sum of the numbers below {limit} is {total}, says {spark.sparkContext.master}")
Path("outputs").mkdir(exist_ok=True)
Path("outputs/total.txt").write_text(f"{total}\n", encoding="utf-8")
