# The Carnet side: environment variables of the workspace, which terraform init has made.
request() {
  answer=$(printf 'Authorization: Bearer %s\n' "$CARNET_TOKEN" | curl -sS -w '\n%{http_code}' -X "$1" -H @- \
    -H 'Content-Type: application/vnd.api+json' ${3:+-d "$3"} "$url/api/v2/$2") || exit 1
  case $answer in
    *'
'2[0-9][0-9]) ;;
    *) printf '%s\n' "$1 $url/api/v2/$2 was refused:" "$answer" >&2; exit 1 ;;
  esac
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
  body='{"data":{"type":"vars","attributes":{"key":"'"$1"'","value":"'"$2"'","category":"env"}}}'
  if [ -n "$id" ]; then
    request PATCH "workspaces/$workspace/vars/$id" "$body"
    echo "$1 is updated"
  else
    request POST "workspaces/$workspace/vars" "$body"
    echo "$1 is written"
  fi
}
