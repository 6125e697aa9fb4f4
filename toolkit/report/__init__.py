"""The report's page: what `toolkit.uses.report` collected, as one HTML file; its files are in `dashboards/report`."""
