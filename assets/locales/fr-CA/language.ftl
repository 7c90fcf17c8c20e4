language-colon =  :
language-name = Français (Canada)
language-quoted = « { $text } »
