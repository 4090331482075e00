//! SEPA credit transfers over Berlin Group NextGenPSD2 as a rail
