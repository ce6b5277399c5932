"""The contract of methods: what a stage accepts from them (`values`), and what else they promise (`promises`)."""
