"""Training runs: from their start to the samples that they draw.

`execution` starts, resumes and trains them, `recording` keeps what a training does, `snapshots` are the files of its
networks, `sampling` draws images from these.
"""
