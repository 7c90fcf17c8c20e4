language-colon = :
language-name = English
language-quoted = “{ $text }”
