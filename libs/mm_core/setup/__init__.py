"""From a configuration in human units to the records that every part starts from: the same offline and live."""
