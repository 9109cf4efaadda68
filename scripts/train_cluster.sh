#!/usr/bin/env bash
# Trains with several processes on this machine, by TF_CONFIG: a chief, workers
# and parameter servers. docs/cluster.md says what each of them does.
#   bash scripts/train_cluster.sh MODEL_DIR WORKERS SERVERS FLAGS...
# FLAGS go to model_main. EVALUATOR=yes starts an evaluator besides. Each
# process adds to its own log, MODEL_DIR/logs/chief-0.log for one.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ $# -lt 3 ]; then
  echo 'usage: bash scripts/train_cluster.sh MODEL_DIR WORKERS SERVERS' \
    'FLAGS...' >&2
  exit 2
fi
model_dir=$1 workers=$2 servers=$3
shift 3

fail() {
  echo "error: $*" >&2
  exit 2
}
number() { # NAME VALUE
  [[ $2 =~ ^[1-9][0-9]?$ ]] || fail "$1 must be a number from 1 to 99, got $2"
}
case $model_dir in
  '' | -* | *://*) fail "MODEL_DIR must be a folder here, got $model_dir" ;;
esac
number WORKERS "$workers"
number SERVERS "$servers"
case ${EVALUATOR:-no} in
  yes | no) ;;
  *) fail "EVALUATOR must be yes or no, got $EVALUATOR" ;;
esac
config='' before=''
for flag; do
  case ${flag%%=*} in
    -model_dir | --model_dir)
      fail "MODEL_DIR is the first argument: leave $flag out"
      ;;
    -checkpoint* | --checkpoint* | -dry_run | --dry_run)
      fail "a cluster trains: use odp model_main without TF_CONFIG for $flag"
      ;;
    -pipeline_config_path | --pipeline_config_path | -config | --config)
      [ "${flag#*=}" = "$flag" ] || config=${flag#*=}
      ;;
  esac
  case $before in --pipeline_config_path | --config) config=$flag ;; esac
  before=$flag
done
[ -n "$config" ] || fail 'FLAGS must have a --pipeline_config_path'
[[ -f $config || $config == *://* ]] || fail "no pipeline config at $config"

bash "$root/scripts/setup.sh" >&2
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
. "$root/scripts/environment.sh"

# Below the ports that the system gives to outgoing connections.
port=$((10000 + RANDOM % 20000))
cluster=
add_job() { # ROLE NUMBER
  local addresses='' count
  for ((count = 0; count < $2; count++)); do
    port=$((port + 1))
    while (: <"/dev/tcp/localhost/$port") 2>/dev/null; do
      port=$((port + 1))
    done
    addresses+="${addresses:+, }\"localhost:$port\""
  done
  cluster+="${cluster:+, }\"$1\": [$addresses]"
}
add_job chief 1
add_job worker "$workers"
add_job ps "$servers"

logs=$model_dir/logs
mkdir -p "$logs"
names=() pids=() states=()
start() { # ROLE INDEX FLAGS...
  local role=$1 index=$2
  local task="{\"type\": \"$role\", \"index\": $index}"
  local -x TF_CONFIG="{\"cluster\": {$cluster}, \"task\": $task}"
  shift 2
  # It computes nothing, and would take the memory of a GPU.
  [ "$role" != ps ] || local -x CUDA_VISIBLE_DEVICES=
  "$python" -m object_detection_pruning.model_main \
    --model_dir="$model_dir" "$@" >>"$logs/$role-$index.log" 2>&1 </dev/null &
  names+=("$role-$index") pids+=($!) states+=(running)
}

# Notes which processes have ended; ends the script if one has failed.
look() {
  local each status running
  running=" $(jobs -pr | tr '\n' ' ') "
  for each in "${!pids[@]}"; do
    [ "${states[each]}" = running ] || continue
    [[ $running != *" ${pids[each]} "* ]] || continue
    status=0
    wait "${pids[each]}" || status=$?
    states[each]=ended
    [ "$ending" = no ] || continue
    # A server never ends by itself.
    [[ $status != 0 || ${names[each]} == ps-* ]] || continue
    local log=$logs/${names[each]}.log
    echo "error: ${names[each]} ended with status $status; the last line of" \
      "$log: $(tail -n 1 "$log")" >&2
    exit $((status ? status : 1))
  done
}
runs() { # PATTERN
  local each
  for each in "${!pids[@]}"; do
    [[ ${states[each]} = running && ${names[each]} == $1 ]] && return 0
  done
  return 1
}
tell() { # SIGNAL PATTERN
  local each
  for each in "${!pids[@]}"; do
    [[ ${states[each]} = running && ${names[each]} == $2 ]] || continue
    kill "-$1" "${pids[each]}" 2>/dev/null || true
  done
}
await() { # PATTERN SECONDS
  local until=$((SECONDS + $2))
  while runs "$1" && [ "$SECONDS" -lt "$until" ]; do
    sleep 0.3 || true
    look
  done
}
# The chief saves a checkpoint first, and needs the servers for that.
ending=no
end_all() {
  ending=yes
  trap 'tell KILL "*"' INT TERM HUP
  tell TERM '[!p]*'
  await '[!p]*' 60
  tell TERM 'ps-*'
  tell KILL '[!p]*'
  await '*' 10
  tell KILL '*'
}
stop() { # NAME STATUS
  echo "$1: ending the processes; the same command goes on" >&2
  exit "$2"
}
trap end_all EXIT
trap 'stop Ctrl-C 130' INT
trap 'stop SIGTERM 143' TERM
trap 'stop SIGHUP 129' HUP

for ((index = 0; index < servers; index++)); do start ps "$index" "$@"; done
start chief 0 "$@"
for ((index = 0; index < workers; index++)); do
  # With one seed, all would see the same images in the same order.
  start worker "$index" "$@" --seed=$((index + 2))
done
[ "${EVALUATOR:-no}" = no ] || start evaluator 0 "$@"
echo "${#pids[@]} processes have started; follow them with: tail -f $logs/*.log"

while runs 'chief-*'; do
  sleep 0.3 || true
  look
done
# A worker that waited for the chief makes one more step.
await 'worker-*' 120
while runs 'evaluator-*'; do
  sleep 0.3 || true
  look
done
tail -n 2 "$logs/chief-0.log"
