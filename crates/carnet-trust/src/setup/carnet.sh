# Variables of the workspace, which terraform init has made, or of a variable set.
request() {
  answer=$(printf 'Authorization: Bearer %s\n' "$CARNET_TOKEN" | curl -sS -w '\n%{http_code}' -X "$1" -H @- \
    -H 'Content-Type: application/vnd.api+json' ${3:+-d "$3"} "$url/api/v2/$2") || exit 1
  case $answer in
    *'
'2[0-9][0-9]) ;;
    *) printf '%s\n' "$1 $url/api/v2/$2 was refused:" "$answer" >&2; exit 1 ;;
  esac
}
# variables_of PATH: learns which variables are there.
variables_of() {
  place=$1
  request GET "$place"
  variables=$answer
}
# variable KEY VALUE: updates the variable if it is there, else makes it.
variable() {
  id=$(printf '%s\n' "$variables" | awk -v key="$1" '{
    n = split($0, entries, /[{]"id":"var-/)
    for (i = 2; i <= n; i++)
      if (index(entries[i], "\"category\":\"env\"") && index(entries[i], "\"key\":\"" key "\"")) {
        split(entries[i], parts, "\"")
        print "var-" parts[1]
      }
  }')
  value=$(printf '%s' "$2" | sed 's/\\/\\\\/g; s/"/\\"/g')
  body='{"data":{"type":"vars","attributes":{"key":"'"$1"'","value":"'"$value"'","category":"env"}}}'
  if [ -n "$id" ]; then
    request PATCH "$place/$id" "$body"
    echo "$1 is updated"
  else
    request POST "$place" "$body"
    echo "$1 is written"
  fi
}
# first_id KIND: the first id of this kind in the answer.
first_id() {
  printf '%s\n' "$answer" | grep -o "\"id\":\"$1-[A-Za-z0-9]*\"" | head -n 1 | cut -d '"' -f 4
}
# variable_set ORGANIZATION NAME [PROJECT]: finds or makes a set for the project, or for the whole organization.
variable_set() {
  if [ $# -eq 3 ] && [ -z "$3" ]; then
    echo "there is no such project of $1, or CARNET_TOKEN may not see it" >&2
    exit 1
  fi
  request GET "organizations/$1/varsets?q=$2"
  id=$(first_id varset)
  if [ -z "$id" ]; then
    if [ $# -eq 3 ]; then is_global=false; else is_global=true; fi
    request POST "organizations/$1/varsets" \
      '{"data":{"type":"varsets","attributes":{"name":"'"$2"'","global":'$is_global'}}}'
    id=$(first_id varset)
  fi
  if [ $# -eq 3 ]; then
    request POST "varsets/$id/relationships/projects" '{"data":[{"type":"projects","id":"'"$3"'"}]}'
  fi
  variables_of "varsets/$id/relationships/vars"
}
