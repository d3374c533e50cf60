"""The service over HTTP: who may come in, what may be asked, and the answers.

Imports `jobs`, `shelf` and `work`, and the door of `web`. Read `service` first, then `app`.
"""
