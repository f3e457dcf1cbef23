"""Analytics: counters kept by triggers, folded into time buckets and read as reports.

Other packages use `reports`, `time_ranges` and `rebuild`; workers run `rollup` and `compaction`.
"""
