#!/bin/sh
# What Snakemake asks of a job: running, success or failed. Finished jobs are known while PBS keeps their history
# (job_history_enable); one that the queue killed leaves no other word.
told=$(qstat -x -f "$1" 2>/dev/null) || told=""
case "$told" in
*"job_state = F"*"Exit_status = 0"* | *"Exit_status = 0"*"job_state = F"*) echo success ;;
*"job_state = F"* | *"job_state = M"*) echo failed ;;
*) echo running ;;
esac
