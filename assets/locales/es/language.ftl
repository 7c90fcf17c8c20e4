language-colon = :
language-name = Español
language-quoted = “{ $text }”
