"""Training runs, from their start to the samples that they draw.

`execution` starts and resumes runs and trains them, `recording` writes losses, grids and snapshots meanwhile,
`snapshots` reads and writes the files of networks, `sampling` draws images from them.
"""
