"""Endpoints for machines: health checks for load balancers and monitors."""
