# Bash completes commands and options after `source scripts/completion.bash`, of `python manage.py` and `./manage.py`.
# Django answers what may follow when DJANGO_AUTO_COMPLETE is set; it loads the project for that, which takes a second.
_lesion_turing() {
  local from=0
  [[ ${COMP_WORDS[0]##*/} == python* ]] && from=1
  [[ ${COMP_WORDS[from]##*/} == manage.py && $COMP_CWORD -gt $from ]] || return
  mapfile -t COMPREPLY < <(
    COMP_WORDS="${COMP_WORDS[*]:from}" COMP_CWORD=$((COMP_CWORD - from)) DJANGO_AUTO_COMPLETE=1 \
      "${COMP_WORDS[@]:0:from+1}" 2>/dev/null | tr ' ' '\n'
  )
}
complete -o default -F _lesion_turing manage.py python python3
