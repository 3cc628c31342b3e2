PLEASE = "please"
