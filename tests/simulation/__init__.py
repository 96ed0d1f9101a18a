"""A world in which only the product is real: time, disks, clients and faults follow a seed."""
