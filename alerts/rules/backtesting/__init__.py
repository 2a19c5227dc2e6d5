"""What a rule would have done in the past.

`simulation` evaluates a rule over and over as of times that are gone, by the same functions as the
portal; `answers` asks for many evaluations at once; `tally` counts what came of it and `report`
puts it into JSON. None of these knows Django; `runs` keeps the rows and is what workers call.
"""
