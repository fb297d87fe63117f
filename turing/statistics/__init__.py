"""Statistics of reader studies, computed from arrays with numpy and scipy.

This package imports neither Django nor the rest of the site.
"""
