"""Completeness: what was crawled, compared with a second witness of what the account has.

The witness is the BI export, where a transform has brought it, else a second listing in another order. What it knows and the crawl lacks
is looked up by its id: it comes into the backup if the source shows it after all.
"""
