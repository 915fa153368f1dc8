//! CallFunction. Functions are pure and have no diagnostics, and core may call them before Configure.

use crate::{
    diagnostics::{Diagnostics, Reported},
    plugin::{
        from_proto,
        interface::{Function, FunctionError},
        proto::tfplugin5::{DynamicValue, call_function},
        session::PluginSession,
        to_proto,
    },
    schema::Value,
};

impl<C> PluginSession<C> {
    pub(in crate::plugin) fn call_function(&self, request: &call_function::Request) -> call_function::Response {
        let result = match self.provider.functions.get(request.name.as_str()) {
            Some(function) => call(function, &request.arguments),
            None => Err(FunctionError {
                argument: None,
                text: format!("this version of the provider has no function {:?}", request.name),
            }),
        };
        match result {
            Ok(result) => call_function::Response { result: Some(result), error: None },
            Err(error) => call_function::Response { result: None, error: Some(to_proto::function_error(error)) },
        }
    }
}

fn call(function: &Function, arguments: &[DynamicValue]) -> Result<DynamicValue, FunctionError> {
    if arguments.len() != function.parameters.len() {
        let text = format!("{} arguments are needed, not {}", function.parameters.len(), arguments.len());
        return Err(FunctionError { argument: None, text });
    }
    let pairs = arguments.iter().zip(function.parameters).enumerate();
    let values = pairs.map(|(i, (argument, parameter))| {
        let mut out = Diagnostics::default();
        from_proto::value(Some(argument), &parameter.kind, &mut out)
            .map_err(|Reported { .. }| FunctionError { argument: Some(i), text: out.to_string() })
    });
    let result = (function.call)(&values.collect::<Result<Vec<Value>, _>>()?)?;
    to_proto::value(&result, &function.return_type).map_err(|invalid| FunctionError {
        argument: None,
        text: format!("the provider made an invalid result ({invalid}); please report this"),
    })
}
