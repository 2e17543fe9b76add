FROM python:3.11
