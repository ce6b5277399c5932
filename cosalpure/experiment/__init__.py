"""An experiment: its files, its entries, and the constants of the paper that it is compared with."""
